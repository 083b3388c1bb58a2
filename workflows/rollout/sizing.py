"""Work out how much traffic a decision still needs, and what the traffic so far could have shown.

Requests missing: G grows by `health.gain` per request of a canary as good as the primary, so the canary lacks
(3 - G) / gain; the primary lacks what keeps it at least as well known. Smallest effect: the error share at which the
expected counts of the window so far just reach the evidence that rolls back, so that it is found about every other
time. Assumption: the same rates and split as seen so far.
"""

import math
from dataclasses import dataclass

from workflows.rollout import health
from workflows.rollout.case import Case
from workflows.rollout.comparison import ERRORS, Ledger, score
from workflows.rollout.health import Margin
from workflows.rollout.tally import Split, Tally
from workflows.rollout.terms import Terms

TOP_UP_PER_S = 50.0
"""More requests per second than this are not sent to an arm only to learn more of it."""

HALVINGS = 30
MOST_REQUESTS = 10**9


@dataclass(frozen=True, slots=True)
class Missing:
    """Count the requests each arm lacks for a step by health; None when no number of requests would license it."""

    canary: int | None
    primary: int | None


def requests_missing(terms: Terms, case: Case) -> Missing:
    """Tell how many more good requests per arm license the next step, by the rates seen so far.

    A primary that is not known yet is taken to have shown nothing bad in the least number of requests that counts.
    """
    bounds = health.bounds_of(terms, case)
    lacks = [_lack(terms.health, case.health_errors, _gain(terms, case, bounds.errors, health.ERROR_MARGIN))]
    if case.baseline.timed:
        lacks.append(_lack(terms.health, case.health_slow, _gain(terms, case, bounds.slow, health.SLOW_MARGIN)))
    known = [lack for lack in lacks if lack is not None]
    if len(known) < len(lacks):
        return Missing(None, None)
    wanted = max(health.LEAST_KNOWN, case.rung.errors.canary.requests + max(known))
    return Missing(max(known), max(0, math.ceil(wanted - case.baseline.answers.requests)))


def size_top_up(terms: Terms, case: Case) -> int:
    """Tell how many requests of our own each arm should get now: what the next step lacks, within half an interval."""
    missing = requests_missing(terms, case)
    if not missing.canary:
        return 0
    return min(max(missing.canary, missing.primary or 0), int(TOP_UP_PER_S * terms.interval_s / 2))


def _gain(terms: Terms, case: Case, share: float, margin: Margin) -> float:
    base = share or 0.5 / (health.LEAST_KNOWN + 1)
    return health.gain(base, margin.excess(base, health.next_share(terms, case)))


def _lack(wanted: float, health_now: float, per_request: float) -> int | None:
    if health_now >= wanted:
        return 0
    lack = (wanted - health_now) / per_request if per_request > 0 else math.inf
    return math.ceil(lack) if lack <= MOST_REQUESTS else None


def smallest_effect(terms: Terms, case: Case) -> float | None:
    """Give the canary's error share that the comparison would by now have found about every other time.

    None where it could not have found any, as without requests on both arms.
    """
    requests = case.whole.errors
    if not _finds(terms, case, requests, 1.0):
        return None
    low, high = case.baseline.error_share(), 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _finds(terms, case, requests, middle) else (middle, high)
    return high


def _finds(terms: Terms, case: Case, requests: Split, share: float) -> bool:
    base = case.baseline.error_share()
    canary = Tally(requests.canary.requests, requests.canary.requests * share)
    primary = Tally(requests.primary.requests, requests.primary.requests * base)
    scores = score(ERRORS, (Split(canary, primary),))
    ledger = Ledger().sized(len(scores)).plus(scores)
    evidence = ledger.evidence(case.baseline.error_dispersion.design_effect)
    # The other two signals count as 1 each in the mean of three.
    return share - base >= terms.least_excess and (evidence + 2) / 3 >= terms.limit
