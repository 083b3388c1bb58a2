"""Try a canary by evidence within a tick: the plan's terms, one look at its traffic, and what follows for the release.

The one rule to keep: a plan whose premise does not hold is judged by its thresholds, and says so.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from workflows.rollout import evidence, explanation, sizing, verdicts
from workflows.rollout.case import Case, Look, Sight
from workflows.rollout.decision import Tick, TopUp
from workflows.rollout.ending import Judgement, overdue
from workflows.rollout.finding import Finding
from workflows.rollout.plan import DURATION, SUCCESS_RATE, Check, RolloutPlan
from workflows.rollout.premise import Choice, Circumstances, choose
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import Cause, Event, Verdict
from workflows.rollout.terms import Terms


def choose_judge(plan: RolloutPlan) -> Choice:
    """Choose what judges a plan, with the reason where it is not what was asked for."""
    mirrored = plan.analysis.mirror_percent > 0
    return choose(plan.judge, Circumstances(plan.strategy, mirrored=mirrored, load=plan.load))


def write_terms(plan: RolloutPlan) -> Terms | None:
    """Write the terms of the evidence judge from the plan's weights, interval and limits; None for thresholds."""
    mode = choose_judge(plan).judge.mode
    if mode is None:
        return None
    return Terms(
        plan.analysis.weights,
        mode,
        plan.analysis.interval.total_seconds(),
        allowed_errors=_allow_errors(_find(plan, SUCCESS_RATE)),
        slow_limit_ms=_limit_latency(_find(plan, DURATION)),
    )


def _find(plan: RolloutPlan, name: str) -> Check | None:
    return next((check for check in plan.analysis.checks if check.name == name), None)


def _allow_errors(check: Check | None) -> float:
    if check is None or check.limits.minimum is None:
        return 0.0
    return min(1.0, max(0.0, 1 - check.limits.minimum / 100))


def _limit_latency(check: Check | None) -> float | None:
    return check.limits.maximum if check else None


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what was counted in a tick's window: what users sent, and what we sent to both arms alike."""

    users: TrafficCounts
    ours: TrafficCounts = field(default_factory=TrafficCounts)

    @property
    def topped_up(self) -> bool:
        """Tell whether both arms answered requests of our own."""
        return bool(self.ours.primary.total and self.ours.canary.total)


def want_top_up(tick: Tick, terms: Terms) -> TopUp | None:
    """Say what both arms should be sent in this tick, by what the last look lacked; None for nothing."""
    case = tick.state.case
    if not tick.plan.top_up or case is None or case.weight != tick.state.weight:
        return None
    requests = sizing.size_top_up(terms, case)
    return TopUp(requests, terms.interval_s / 2, case.baseline.bounds) if requests else None


def judge(tick: Tick, terms: Terms, gate: Judgement, seen: Seen) -> Judgement:
    """Weigh the window after the spec's own checks: evidence ends a release at once, a check that objects holds it."""
    state = tick.state
    finding = _observe(tick, terms, seen)
    said = explanation.explain(terms, finding)
    if finding.verdict is Verdict.FAILED:
        return Judgement(Verdict.FAILED, said, gate.checks, case=finding.case, ends=Cause.EVIDENCE)
    if _too_early(terms, gate, finding):
        return _wait_for_requests(tick, gate, finding)
    if gate.verdict is not Verdict.PASSED and not _leaves(terms, gate, finding):
        return Judgement(gate.verdict, gate.reason, gate.checks, gate.events, finding.case)
    told = (
        *_tell_top_up(tick, seen),
        Event(f"{_NAMES[finding.verdict]} {tick.plan.key} canary weight {state.weight}: {said}"),
    )
    if finding.verdict is Verdict.PASSED:
        return Judgement(Verdict.PASSED, said, gate.checks, told, finding.case)
    ends = Cause.NO_DATA if _exhausted(tick, terms, finding) else None
    return Judgement(Verdict.INCONCLUSIVE, said, gate.checks, told, finding.case, ends, waits=True)


def _observe(tick: Tick, terms: Terms, seen: Seen) -> Finding:
    """Look at the users' requests, then at our own where any were sent: those stand for the time that has passed."""
    state, at_s = tick.state, tick.world.now.timestamp()
    case = state.case or Case()
    began_s = at_s if case.at_s is None or not seen.topped_up else case.at_s
    users = Look(began_s, state.weight, seen.users, sticky=state.route.sticky)
    finding = evidence.observe(terms, case, users)
    if finding.verdict is Verdict.FAILED or not seen.topped_up:
        return finding
    ours = evidence.observe(terms, finding.case, Look(at_s, state.weight, seen.ours, synthetic=True))
    if finding.sight is Sight.LOPSIDED and ours.verdict is Verdict.PASSED:
        return replace(ours, verdict=Verdict.INCONCLUSIVE, sight=finding.sight, obstacle=finding.sight.value)
    return ours


def _tell_top_up(tick: Tick, seen: Seen) -> tuple[Event, ...]:
    if not seen.topped_up:
        return ()
    canary, primary = seen.ours.canary, seen.ours.primary
    of = f"canary {canary.errors} of {canary.total} failed, primary {primary.errors} of {primary.total}"
    return (Event(f"Topped up {tick.plan.key} with requests of our own to {tick.plan.top_up}: {of}"),)


_NAMES = {Verdict.PASSED: "Evidence admits", Verdict.INCONCLUSIVE: "Evidence holds"}


def _leaves(terms: Terms, gate: Judgement, finding: Finding) -> bool:
    """Tell whether checks are blind only because a rung below the plan's own has too little traffic to stay on."""
    passed = gate.verdict is Verdict.INCONCLUSIVE and finding.verdict is Verdict.PASSED
    return passed and verdicts.leaves_low_rung(terms, finding.case, finding.sight)


def _too_early(terms: Terms, gate: Judgement, finding: Finding) -> bool:
    """Tell whether a check objects at a rung below the plan's own, where there is a handful of requests, or none."""
    low = finding.case.weight < terms.weights[0] and finding.case.rung_s < terms.patience_s
    return gate.verdict is not Verdict.PASSED and low and not _leaves(terms, gate, finding)


def _wait_for_requests(tick: Tick, gate: Judgement, finding: Finding) -> Judgement:
    weight = finding.case.weight
    said = f"{gate.reason}; not counted at {weight} %, where the evidence judges, and no step while it lasts"
    told = (Event(f"Evidence holds {tick.plan.key} canary weight {weight}: {said}"),)
    return Judgement(Verdict.INCONCLUSIVE, said, gate.checks, told, finding.case, waits=True)


def _exhausted(tick: Tick, terms: Terms, finding: Finding) -> bool:
    """Tell whether a rung's time is up; the time in which people were waited for does not count."""
    return finding.stuck and overdue(tick.state.blind_since, tick.world.now, timedelta(seconds=terms.patience_s))
