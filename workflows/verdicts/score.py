"""Give a score of 0 to 100, as people know it from Kayenta: 95 and above is well, 5 and below is harm.

For checks it is the share that passed. For evidence it is 100 g / (g + E), where E is the evidence against the canary
and g = e^G that for its health: the chance that it is well, had both been equally likely before. The verdict never
follows from the score; who gates on 95 alone asks what `evidence-strict` asks.
"""

import math
from collections.abc import Sequence

from workflows.rollout import verdicts
from workflows.rollout.case import Case
from workflows.rollout.state import CheckResult, Verdict
from workflows.rollout.terms import Terms

WHOLE = 100.0
_MOST_NATS = 50.0


def score_checks(results: Sequence[CheckResult]) -> float | None:
    """Give the share of checks that passed; None when there is none, or one that could not tell."""
    told = [result.verdict for result in results]
    if not told or Verdict.INCONCLUSIVE in told:
        return None
    return WHOLE * told.count(Verdict.PASSED) / len(told)


def score_case(terms: Terms, case: Case) -> float | None:
    """Give the score of a case; None before the canary has answered anything."""
    if not case.whole.errors.canary.requests:
        return None
    against = verdicts.weigh(terms, case).total
    health = min(case.health_errors, case.health_slow) if case.baseline.timed else case.health_errors
    good = math.exp(min(_MOST_NATS, health))
    # What rolls back is harm, however well the canary does by other signals.
    return WHOLE * (1 / (1 + against) if against >= terms.limit else good / (good + against))


def join_scores(first: float | None, second: float | None) -> float | None:
    """Give the lower of two scores, None where either is not known."""
    return None if first is None or second is None else min(first, second)
