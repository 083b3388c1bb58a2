"""Write what happens in a release as the webhook service takes it; pure.

The rule to keep: what was not measured is null, never zero. `sequence` is the time in microseconds, so that whoever
goes on with a release after another process counts on from it.
"""

import math
from datetime import datetime

from workflows.records import TickRecord
from workflows.reports.release import TimelinePoint
from workflows.rollout import gates
from workflows.rollout.plan import DURATION, SUCCESS_RATE, Limits, RolloutPlan, Strategy
from workflows.rollout.samples import ArmCounts
from workflows.rollout.state import CheckResult, Event, Verdict

Message = dict[str, object]

_LONGEST = 2000
_UNKNOWN = "unknown"


def count_micros(at: datetime) -> int:
    """Give the microseconds since 1970."""
    return round(at.timestamp() * 1_000_000)


def describe_plan(plan: RolloutPlan, revisions: tuple[str, str], title: str = "") -> Message:
    """Say what a release sets out to do; `revisions` are the new one and the one it replaces."""
    return {
        "title": _cut(title),
        "revision": _cut(revisions[0]),
        "previous": _cut(revisions[1]),
        "strategy": plan.strategy.value,
        "judge": plan.judge.value,
        "weights": list(plan.analysis.weights) if plan.strategy is Strategy.CANARY else [],
        "threshold": plan.analysis.threshold,
        "intervalSeconds": plan.analysis.interval.total_seconds(),
        "minimumSuccessPercent": _finite(_limits(plan, SUCCESS_RATE).minimum),
        "maximumP99Ms": _finite(_limits(plan, DURATION).maximum),
    }


def _limits(plan: RolloutPlan, name: str) -> Limits:
    return next((check.limits for check in plan.analysis.checks if check.name == name), Limits())


def describe_tick(record: TickRecord) -> Message:
    """Write what one tick saw, judged and decided."""
    decision, state = record.decision, record.decision.state
    return {
        "at": record.at.timestamp(),
        "kind": "decision",
        "text": _cut(_say(record)),
        "warning": decision.verdict is Verdict.FAILED or any(event.warning for event in decision.events),
        "phase": state.phase.value,
        "weight": state.route.canary_percent,
        "failedChecks": state.failed_checks,
        "verdict": decision.verdict.value if decision.verdict else None,
        "checks": [_describe_check(check) for check in decision.checks],
        "primary": _describe_arm(record.window.primary),
        "canary": _describe_arm(record.window.canary),
        "ending": _name_ending(record),
    }


def _say(record: TickRecord) -> str:
    decision = record.decision
    said = [event.message for event in decision.events]
    return decision.reason or gates.explain(decision.checks, Verdict.PASSED) or next(reversed(said), "")


def _name_ending(record: TickRecord) -> str | None:
    state = record.decision.state
    if state.under_way or not record.before.under_way:
        return None
    return state.cause.outcome.value if state.cause else _UNKNOWN


def describe_event(event: Event, at: datetime) -> Message:
    """Write one event."""
    return {
        **_NOTHING_MEASURED,
        "at": at.timestamp(),
        "kind": "event",
        "text": _cut(event.message),
        "warning": event.warning,
    }


def describe_point(point: TimelinePoint) -> Message:
    """Write how the traffic looked at one moment."""
    return {
        **_NOTHING_MEASURED,
        "at": point.at.timestamp(),
        "kind": "sample",
        "weight": point.canary_percent,
        "primary": _write_arm(point.primary_success_percent, point.primary_p99_ms),
        "canary": _write_arm(point.canary_success_percent, point.canary_p99_ms),
    }


def _describe_arm(counts: ArmCounts) -> Message:
    return _write_arm(counts.success_percent(), counts.quantile_ms(gates.P99), counts.total)


def _write_arm(success: float | None = None, p99_ms: float | None = None, requests: int | None = None) -> Message:
    return {"successPercent": _finite(success), "p99Ms": _finite(p99_ms), "requests": requests}


def _describe_check(check: CheckResult) -> Message:
    return {
        "name": _cut(check.name),
        "verdict": check.verdict.value,
        "value": _finite(check.value),
        "limit": _cut(check.limit),
        "reason": _cut(check.reason),
    }


def _finite(value: float | None) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None


def _cut(text: str) -> str:
    return text[:_LONGEST]


_NOTHING_MEASURED: Message = {
    "text": "",
    "warning": False,
    "phase": "",
    "weight": None,
    "failedChecks": None,
    "verdict": None,
    "checks": [],
    "primary": _write_arm(),
    "canary": _write_arm(),
    "ending": None,
}
