"""Say how a release stands: by our own record of it, or by the status of a Canary that Flagger drives.

Pure. The rule to keep: a release under way has no verdict yet; one that ended for want of data, or by the word of a
person, was not judged and has no score.
"""

from collections.abc import Mapping
from typing import Any

from workflows.cluster import outcomes
from workflows.cluster.kinds import Manifest
from workflows.rollout import trial, verdicts
from workflows.rollout.case import Case
from workflows.rollout.phase import UNDER_WAY, Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Cause, CheckResult, Outcome, RolloutState, Verdict
from workflows.rollout.terms import Terms
from workflows.verdicts.assessment import Assessment
from workflows.verdicts.score import WHOLE, score_case

EVIDENCE = "evidence"
"""The name of the evidence judge among the metrics."""

_JUDGED = frozenset({Cause.CHECKS, Cause.EVIDENCE})
_MOST = 1e6


def of_state(state: RolloutState, plan: RolloutPlan | None) -> Assessment:
    """Tell by the record of a release; `plan` is what it is decided by, None where that is not known."""
    terms = trial.write_terms(plan) if plan else None
    case = state.case if terms and state.case and state.case.weight > 0 else None
    metrics = (describe_evidence(terms, case),) if terms and case else ()
    if state.cause:
        verdict, score = _conclude(state.cause)
        return Assessment(verdict, score, _explain_end(state), metrics, state.phase, final=not state.under_way)
    if state.under_way:
        told = f"{state.phase.value} at weight {state.weight}, failed checks {state.failed_checks}"
        why = f": {state.halt}" if state.halt else ""
        score = score_case(terms, case) if terms and case else None
        return Assessment(Verdict.INCONCLUSIVE, score, told + why, metrics, state.phase, final=False)
    return _of_phase(state.phase, f"the primary runs {state.promoted_revision or 'what it was made from'}")


def of_status(canary: Manifest) -> Assessment:
    """Tell by a Canary's status, as Flagger writes it."""
    status: Mapping[str, Any] = canary.get("status") or {}
    phase = find_phase(str(status.get("phase"))) or Phase.INITIALIZING
    if phase is Phase.FAILED:
        return Assessment(Verdict.FAILED, None, outcomes.explain(canary) or outcomes.summarise(canary), (), phase)
    if phase in UNDER_WAY:
        return Assessment(Verdict.INCONCLUSIVE, None, outcomes.summarise(canary), (), phase, final=False)
    return _of_phase(phase, outcomes.explain(canary) or outcomes.summarise(canary))


def find_phase(name: str) -> Phase | None:
    """Read a phase by its name; None for one that is not known."""
    return next((phase for phase in Phase if phase.value == name), None)


def of_report(ending: Outcome | None, phase: Phase | None, said: str, *, under_way: bool) -> Assessment:
    """Tell by what somebody told of a release; an end that nobody told is inconclusive."""
    if under_way:
        return Assessment(Verdict.INCONCLUSIVE, None, said, (), phase, final=False)
    if ending is None:
        return Assessment(Verdict.INCONCLUSIVE, None, said, (), phase)
    promoted = ending is Outcome.PROMOTED
    # What rolled it back, a judge or a person, is not told.
    return Assessment(Verdict.PASSED if promoted else Verdict.FAILED, WHOLE if promoted else None, said, (), phase)


def _of_phase(phase: Phase, said: str) -> Assessment:
    if phase is Phase.INITIALIZING:
        return Assessment(Verdict.INCONCLUSIVE, None, "the primary is being made", (), phase, final=False)
    return Assessment(Verdict.PASSED, WHOLE if phase is Phase.SUCCEEDED else None, said, (), phase)


def _conclude(cause: Cause) -> tuple[Verdict, float | None]:
    if cause.outcome is Outcome.PROMOTED:
        return Verdict.PASSED, WHOLE
    if cause is Cause.NO_DATA:
        return Verdict.INCONCLUSIVE, None
    return Verdict.FAILED, 0.0 if cause in _JUDGED else None


def _explain_end(state: RolloutState) -> str:
    ended = state.cause.outcome.value.replace("_", " ") if state.cause else ""
    told = f"being {ended}" if state.under_way else ended
    return f"{told}: {state.reason}" if state.reason else told


def describe_evidence(terms: Terms, case: Case) -> CheckResult:
    """Describe the evidence of a case as a metric: the less, the better."""
    limit, errors = f"< {terms.limit:g}", case.whole.errors
    if not errors.canary.requests:
        return CheckResult(EVIDENCE, Verdict.INCONCLUSIVE, None, limit, "no request of the canary could be judged")
    against = verdicts.weigh(terms, case).total
    doubtful = Verdict.FAILED if against >= terms.limit else Verdict.INCONCLUSIVE
    verdict = Verdict.PASSED if against < terms.doubt else doubtful
    seen = (
        f"5xx: canary {errors.canary.events:.0f} of {errors.canary.requests:.0f}, "
        f"primary {errors.primary.events:.0f} of {errors.primary.requests:.0f}"
    )
    return CheckResult(EVIDENCE, verdict, min(against, _MOST), limit, seen)
