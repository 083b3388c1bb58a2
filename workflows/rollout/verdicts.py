"""Conclude a look of the evidence judge: three verdicts from what a case holds.

Order: evidence of 1/alpha or more rolls back; what was not seen holds; doubt holds; then health licenses a step or,
in mode NORMAL, the dwell does. Promotion also needs the bake. No data never passes.
"""

from workflows.rollout import ladder
from workflows.rollout.case import Case, Sight
from workflows.rollout.finding import Finding, Scores
from workflows.rollout.state import Verdict
from workflows.rollout.terms import Mode, Terms


def weigh(terms: Terms, case: Case) -> Scores:
    """Sum up the evidence of a case; an excess of errors that is too small to matter counts as none."""
    errors_effect = case.baseline.error_dispersion.design_effect
    excess = max(case.whole.excess, case.rung.excess)
    errors = case.errors.evidence(errors_effect)
    if excess < terms.least_excess:
        errors = min(1.0, errors)
    latency = case.latency.evidence(case.baseline.slow_dispersion.design_effect)
    absolute = case.guard.evidence(errors_effect)
    return Scores(errors, latency, absolute, (errors + latency + absolute) / 3, excess)


def conclude(terms: Terms, case: Case, sight: Sight) -> Finding:
    """Come to a verdict; `explanation.explain` says why."""
    scores = weigh(terms, case)
    if scores.total >= terms.limit:
        return Finding(case, Verdict.FAILED, scores, sight)
    obstacle = find_obstacle(terms, case, scores, sight)
    verdict = Verdict.INCONCLUSIVE if obstacle else Verdict.PASSED
    stuck = bool(obstacle) and case.weight > 0 and case.rung_s >= terms.patience_s
    return Finding(case, verdict, scores, sight, obstacle, stuck=stuck)


def find_obstacle(terms: Terms, case: Case, scores: Scores, sight: Sight) -> str:
    """Say what keeps the canary from its next step, in a few words; nothing when it may take it."""
    if case.weight <= 0:
        return "the canary has no share of the traffic yet"
    if scores.total >= terms.doubt:
        return f"the evidence against the canary is not below {terms.doubt:g}"
    if leaves_low_rung(terms, case, sight):
        return ""
    return _await_sight(case, sight) or _await_licence(terms, case) or _await_bake(terms, case)


def _await_sight(case: Case, sight: Sight) -> str:
    if not sight.usable:
        return sight.value
    compared = case.weight >= ladder.ALL or case.rung.errors.primary.requests
    return "" if compared else Sight.NO_PRIMARY.value


def leaves_low_rung(terms: Terms, case: Case, sight: Sight) -> bool:
    """Tell whether a rung below the plan's first weight is left because the traffic is too little to learn there."""
    seen = sight not in {Sight.DARK, Sight.LOPSIDED}
    return seen and case.weight < terms.weights[0] and not ladder.fruitful(case.weight, case.traffic)


def healthy(terms: Terms, case: Case) -> bool:
    """Tell whether the canary has shown that it is well, by errors and, where latency is measured, by slow requests."""
    timed = case.baseline.timed > 0
    return case.health_errors >= terms.health and (not timed or case.health_slow >= terms.health)


def unwell(terms: Terms, case: Case) -> bool:
    """Tell whether the canary does so badly that a dwell alone must not take it further."""
    return case.health_errors < terms.least_health or case.health_slow < terms.least_slow_health


def _await_licence(terms: Terms, case: Case) -> str:
    patient = terms.mode is Mode.NORMAL and case.seen_s >= terms.dwell_s and not unwell(terms, case)
    if patient or healthy(terms, case):
        return ""
    slow = f" and {case.health_slow:.1f} (latency)" if case.baseline.timed else ""
    left_s = terms.dwell_s - case.seen_s
    dwell = f", {left_s:.0f} s of the dwell are left" if terms.mode is Mode.NORMAL and left_s > 0 else ""
    return f"health is {case.health_errors:.1f} (errors){slow} of {terms.health:g}{dwell}"


def _await_bake(terms: Terms, case: Case) -> str:
    last = ladder.next_rung(terms.weights, case.weight, case.traffic) is None
    if not last or case.baked_s >= terms.bake_s:
        return ""
    return f"{case.baked_s:.0f} s of the {terms.bake_s:.0f} s of analysis before promotion have been seen"
