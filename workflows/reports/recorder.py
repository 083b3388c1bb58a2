"""Make a report out of the ticks of a release.

`weights` are the canary's shares of the traffic in its analysis, in order; a rollback ends them with 0.
"""

from dataclasses import dataclass
from datetime import datetime

from workflows.records import TickRecord
from workflows.reports.release import DecisionRecord, ReleaseReport, TimelinePoint
from workflows.rollout import gates
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import DURATION, SUCCESS_RATE, Limits, RolloutPlan
from workflows.rollout.state import Outcome, RolloutState, Verdict


@dataclass(frozen=True, slots=True)
class UserCounts:
    """Count the requests of users and those that failed, since their traffic began."""

    requests: int = 0
    failures: int = 0


class Recorder:
    """Watch the ticks of one release."""

    def __init__(self, plan: RolloutPlan, name: str = "") -> None:
        self.name = name or plan.key
        self._plan = plan
        self._ticks: list[TickRecord] = []
        self._began: datetime | None = None
        self._ended: datetime | None = None
        self.weights: list[int] = []

    @property
    def moved(self) -> bool:
        """Tell whether there was anything to release."""
        return self._began is not None

    def watch(self, record: TickRecord) -> None:
        """Take note of one tick."""
        if self._began is None and record.decision.state.under_way:
            self._began = record.at
        self._ended = record.at
        self._ticks.append(record)
        self._follow_weight(record)

    def _follow_weight(self, record: TickRecord) -> None:
        before, after = record.before, record.decision.state
        if after.phase in ANALYSED and before.phase not in ANALYSED:
            self.weights.append(0)
        told = after.phase in ANALYSED or (before.phase in ANALYSED and after.phase is Phase.FAILED)
        if told and self.weights[-1:] != [after.weight]:
            self.weights.append(after.weight)

    def decisions(self) -> tuple[DecisionRecord, ...]:
        """List the ticks that judged, waited, failed or ended, with their reasons."""
        return tuple(_decision(record) for record in self._ticks if record.decision.verdict or record.decision.reason)

    def report(
        self, state: RolloutState, timeline: tuple[TimelinePoint, ...] = (), users: UserCounts | None = None
    ) -> ReleaseReport:
        """Tell how the release went; without a timeline of finer steps it has one point for each tick."""
        counted = users or UserCounts()
        length = (self._ended - self._began).total_seconds() if self._began and self._ended else 0.0
        return ReleaseReport(
            name=self.name,
            outcome=state.cause.outcome if state.cause else Outcome.FAILED,
            weights=tuple(self.weights),
            failed_checks=state.failed_checks,
            reason=state.reason or f"{self._passed()} checks passed, {state.failed_checks} failed",
            duration_s=length,
            user_requests=counted.requests,
            user_failures=counted.failures,
            decisions=self.decisions(),
            timeline=timeline or tuple(_point(record) for record in self._ticks),
            minimum_success_percent=self._limits(SUCCESS_RATE).minimum,
            maximum_p99_ms=self._limits(DURATION).maximum,
        )

    def _limits(self, name: str) -> Limits:
        checks = self._plan.analysis.checks
        return next((check.limits for check in checks if check.name == name), Limits())

    def _passed(self) -> int:
        return sum(record.decision.verdict is Verdict.PASSED for record in self._ticks)


def _decision(record: TickRecord) -> DecisionRecord:
    decision = record.decision
    said = decision.reason or gates.explain(decision.checks, Verdict.PASSED) or decision.events[-1].message
    return DecisionRecord(record.at, record.before.weight, decision.checks, decision.verdict, said)


def _point(record: TickRecord) -> TimelinePoint:
    window = record.window
    return TimelinePoint(
        at=record.at,
        canary_percent=record.decision.state.route.canary_percent,
        primary_success_percent=window.primary.success_percent(),
        canary_success_percent=window.canary.success_percent(),
        primary_p99_ms=window.primary.quantile_ms(gates.P99),
        canary_p99_ms=window.canary.quantile_ms(gates.P99),
    )
