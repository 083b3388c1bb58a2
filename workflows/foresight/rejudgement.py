"""Judge what a journal recorded by another judge: would it have stopped this release, and when.

The windows are the recorded ones, at the recorded weights: another judge might have gone another way, so what is told
is the first moment at which it would have stopped this one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from workflows.canary.override import with_judge
from workflows.journal.entries import TickEntry
from workflows.journal.reader import JournalFile, PlannedTick
from workflows.rollout import evidence, explanation, gates, trial
from workflows.rollout.case import Case, Look
from workflows.rollout.phase import ANALYSED
from workflows.rollout.plan import NoDataPolicy, RolloutPlan
from workflows.rollout.state import Verdict


@dataclass(frozen=True, slots=True)
class Rejudgement:
    """Say how a release ended and what another judge would have done; seconds count from the first window on.

    `stopped_s` is when it would have stopped the release, None when it would have let it go on.
    """

    key: str
    happened: str
    happened_s: float
    judge: str
    windows: int
    stopped_s: float | None = None
    weight: int = 0
    reason: str = ""


Objection = Callable[[TickEntry], str]
"""Give the reason to stop a release at a tick, empty when there is none."""


def rejudge(file: JournalFile, judge: str) -> Rejudgement:
    """Judge a journal's windows again by a judge's name."""
    ticks = list(_windows(file))
    end = file.end
    happened = end.state.cause.outcome.value.replace("_", " ") if end and end.state.cause else "not ended"
    if not ticks:
        return Rejudgement(file.key, happened, 0.0, judge, 0)
    began = ticks[0].tick.at
    found = Rejudgement(file.key, happened, (ticks[-1].tick.at - began).total_seconds(), judge, len(ticks))
    object_to: Objection | None = None
    revision = ""
    for planned in ticks:
        if object_to is None or planned.tick.before.revision != revision:
            object_to, revision = _open_judge(with_judge(planned.plan, judge)), planned.tick.before.revision
        reason = object_to(planned.tick)
        if reason:
            after = (planned.tick.at - began).total_seconds()
            return replace(found, stopped_s=after, weight=planned.tick.before.weight, reason=reason)
    return found


def _windows(file: JournalFile) -> Iterator[PlannedTick]:
    for planned in file.ticks():
        before = planned.tick.before
        if before.phase in ANALYSED and before.started and planned.tick.evidence.reading is not None:
            yield planned


def _open_judge(plan: RolloutPlan) -> Objection:
    terms = trial.write_terms(plan)
    if terms is None:
        return _Thresholds(plan)
    case = Case()

    def weigh(tick: TickEntry) -> str:
        nonlocal case
        state = tick.before
        look = Look(tick.at.timestamp(), state.weight, tick.evidence.window, sticky=state.route.sticky)
        finding = evidence.observe(terms, case, look)
        case = finding.case
        return explanation.explain(terms, finding) if finding.verdict is Verdict.FAILED else ""

    return weigh


class _Thresholds:
    """Count failed checks as the machine does."""

    def __init__(self, plan: RolloutPlan) -> None:
        self._plan = plan
        self._failed = 0

    def __call__(self, tick: TickEntry) -> str:
        plan, seen = self._plan, tick.evidence
        checks = [check for check in plan.analysis.checks if check.built_in or check.name in seen.measurements]
        results = gates.judge(checks, seen.window.canary, seen.measurements)
        verdict = gates.combine(results)
        blind = verdict is Verdict.INCONCLUSIVE and plan.no_data is NoDataPolicy.HOLD
        self._failed += verdict is not Verdict.PASSED and not blind
        return gates.explain(results, verdict) if self._failed >= plan.analysis.threshold else ""
