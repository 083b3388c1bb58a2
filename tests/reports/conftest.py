from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from workflows.reports.release import DecisionRecord, ReleaseReport, TimelinePoint
from workflows.rollout.state import CheckResult, Outcome, Verdict

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SLOW = CheckResult("request-duration", Verdict.FAILED, float("inf"), "<= 500ms", "p99 above 60000ms > 500ms")
SILENT = CheckResult("errors", Verdict.INCONCLUSIVE, None, "<= 1", "no values found")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def point(
    seconds: float, weight: int, canary: float | None = None, failures: int = 0, p99: float | None = None
) -> TimelinePoint:
    return TimelinePoint(at(seconds), weight, 100.0, canary, 4.0, p99, 10 * seconds, failures)


@pytest.fixture
def promoted() -> ReleaseReport:
    timeline = (point(0, 0), point(10, 50, 99.5, p99=6.0), point(20, 0))
    decisions = (
        DecisionRecord(at(10), 50, (), Verdict.PASSED, "Advance ad.test canary weight 50"),
        DecisionRecord(at(19), 0, (), None, "Promotion completed!"),
    )
    report = ReleaseReport("ad v1 to v2", Outcome.PROMOTED, (0, 50), 0, "all checks passed", 20.0, 200, 0)
    return replace(report, decisions=decisions, timeline=timeline, minimum_success_percent=95, maximum_p99_ms=500)


@pytest.fixture
def rolled_back() -> ReleaseReport:
    timeline = (point(0, 20, 70.0, 0, float("inf")), point(5, 20, 72.0, 3, 300.0), point(10, 0, None, 8))
    decisions = (
        DecisionRecord(at(5), 20, (SLOW, SILENT), Verdict.FAILED, "Halt ad.test advancement"),
        DecisionRecord(at(10), 20, (SILENT,), Verdict.INCONCLUSIVE, "Rolling back ad.test"),
    )
    report = ReleaseReport("ad v2 to v3", Outcome.ROLLED_BACK, (0, 20), 3, "p99 above 60000ms > 500ms", 9.0, 100, 8)
    return replace(report, decisions=decisions, timeline=timeline, maximum_p99_ms=500)
