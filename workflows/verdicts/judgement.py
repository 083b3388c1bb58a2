"""Judge the canary against the primary by what both answered in a stretch of time that has passed.

Pure. The checks of the canary see the stretch as one; the evidence judge sees it minute by minute, after as long a
stretch before it, from which it learns how the primary does. The rule to keep: what is not counted is no pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from workflows.metrics.history import Reading
from workflows.rollout import evidence, explanation, gates, trial
from workflows.rollout.case import Case, Look
from workflows.rollout.finding import Finding
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import ArmCounts, Measurement, TrafficCounts, add
from workflows.rollout.state import CheckResult, Verdict
from workflows.rollout.terms import Terms
from workflows.rollout.traffic import ALL
from workflows.verdicts.assessment import Assessment
from workflows.verdicts.score import join_scores, score_case, score_checks
from workflows.verdicts.standing import describe_evidence

_MOST_LOOKS = 50
_SHORTEST_LOOK = timedelta(minutes=1)
"""In less there may be no scrape, and a window without one looks like a source that is frozen."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hold what was counted until a time (Unix seconds) since the reading before it."""

    at: float
    counts: TrafficCounts


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold what is judged: the windows, those before them, the answers to queries, and the canary's share of traffic.

    `weight` is None where nobody says what was asked of the router: then it is what was seen.
    """

    before: tuple[Window, ...]
    judged: tuple[Window, ...]
    measurements: Mapping[str, Measurement]
    step_s: float
    weight: int | None = None


def count_looks(plan: RolloutPlan, window: timedelta) -> int:
    """Tell into how many looks a stretch is cut: one for each interval of the analysis, or minute, within bounds."""
    return max(1, min(_MOST_LOOKS, window // max(_SHORTEST_LOOK, plan.analysis.interval)))


def cut(readings: Sequence[Reading], begin: float) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """Give the windows that ended until a time, and those after it."""
    windows = tuple(_compare(readings))
    return tuple(each for each in windows if each.at <= begin), tuple(each for each in windows if each.at > begin)


def _compare(readings: Sequence[Reading]) -> Iterator[Window]:
    """Compare each reading with the one before; the first one only says where counting begins."""
    known = readings[0].counts if readings else TrafficCounts()
    for _, later in pairwise(readings):
        yield Window(later.at, later.counts.since(known))
        known = later.counts.remembering(known)


def judge(plan: RolloutPlan, stretch: Stretch) -> Assessment:
    """Judge a stretch by the plan's judge and its checks."""
    canary = add(window.counts.canary for window in stretch.judged)
    results = gates.judge(plan.analysis.checks, canary, stretch.measurements)
    terms = trial.write_terms(plan)
    fallen_back = trial.choose_judge(plan).reason
    found = _by_evidence(terms, results, stretch) if terms else _by_checks(results, fallen_back)
    # What was too little may be enough when somebody asks again.
    return replace(found, final=found.verdict is not Verdict.INCONCLUSIVE)


def _by_checks(results: tuple[CheckResult, ...], fallen_back: str) -> Assessment:
    verdict = gates.combine(results)
    reason = "; ".join(filter(None, (fallen_back, gates.explain(results, verdict))))
    return Assessment(verdict, score_checks(results), reason, results)


def _by_evidence(terms: Terms, results: tuple[CheckResult, ...], stretch: Stretch) -> Assessment:
    """Conclude as a tick does: evidence of harm ends it, then the checks speak, then the judge."""
    weight = stretch.weight or _see_weight(stretch.judged)
    terms = replace(terms, weights=(weight,), interval_s=stretch.step_s)
    finding = _weigh(terms, stretch, weight)
    if finding is None:
        nothing = "nothing was counted in the stretch; make it longer, or look at Prometheus' targets"
        return Assessment(Verdict.INCONCLUSIVE, None, nothing, results)
    said, gate = explanation.explain(terms, finding), gates.combine(results)
    score = score_case(terms, finding.case)
    if finding.verdict is not Verdict.FAILED and results:
        score = join_scores(score, score_checks(results))
    metrics = (*results, describe_evidence(terms, finding.case))
    if finding.verdict is Verdict.FAILED or gate is Verdict.PASSED:
        return Assessment(finding.verdict, score, said, metrics)
    return Assessment(gate, score, f"{gates.explain(results, gate)}; {said}", metrics)


def _weigh(terms: Terms, stretch: Stretch, weight: int) -> Finding | None:
    """Show the judge window after window, until it has seen enough to roll back; None when there is none."""
    case, finding = Case(), None
    for window in stretch.before:
        case = evidence.observe(terms, case, Look(window.at, 0, window.counts)).case
    for window in stretch.judged:
        look = Look(window.at, weight, window.counts, sticky=stretch.weight is None)
        finding = evidence.observe(terms, case, look)
        case = finding.case
        if finding.verdict is Verdict.FAILED:
            return finding
    return finding


def _see_weight(windows: Sequence[Window]) -> int:
    canary, primary = (_total(arm) for arm in ([w.counts.canary for w in windows], [w.counts.primary for w in windows]))
    share = canary / (canary + primary) if canary + primary else 0.5
    return max(1, min(ALL - 1, round(ALL * share)))


def _total(arms: Sequence[ArmCounts]) -> int:
    return sum(arm.total for arm in arms)
