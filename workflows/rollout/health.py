"""Gather evidence that the canary is well: the licence to step before the dwell is over.

Formula. With p the primary's share of events and w the share of traffic the next step gives the canary:
delta = max(eta/w, delta_min, 0.6 p), the excess that would matter there (equal harm: w * delta is bounded by eta of all
traffic), and G += x_c log(p/(p+delta)) + (n_c-x_c) log((1-p)/(1-p-delta)), never below -2.
Source: a plug-in likelihood ratio; it decides how fast to go, never whether to roll back, so it need not be exact.
Unit: nats; 3 is about 20 to 1. Assumption: p is known from the primary's history and the release so far.
"""

import math
from dataclasses import dataclass

from workflows.rollout import ladder
from workflows.rollout.case import Case
from workflows.rollout.tally import Tally
from workflows.rollout.terms import Terms

FLOOR = -2.0
CEILING = 1e6
LEAST_KNOWN = 100.0
"""Fewer of the primary's requests than this do not say how it does."""

RELATIVE = 0.6
"""An excess smaller than this part of the primary's share is no reason to wait."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Say how much worse is still well: `harm` is eta (share of all traffic), `least` is delta_min (share)."""

    harm: float
    least: float

    def excess(self, base: float, next_share: float) -> float:
        """Give delta for the primary's share of events and the canary's next share of the traffic."""
        return max(self.harm / max(next_share, 1e-3), self.least, RELATIVE * base)


ERROR_MARGIN = Margin(harm=0.002, least=0.005)
SLOW_MARGIN = Margin(harm=0.01, least=0.02)


def gain(base: float, delta: float) -> float:
    """Give the mean growth of G per request of a canary that is as good as the primary; 0 where none can be had."""
    if not 0 < base < base + delta < 1:
        return 0.0
    return base * math.log(base / (base + delta)) + (1 - base) * math.log((1 - base) / (1 - base - delta))


def grow(health: float, canary: Tally, base: float, delta: float) -> float:
    """Add one tick of the canary's answers; unchanged where the base rate leaves no room for an excess."""
    if not 0 < base < base + delta < 1:
        return health
    bad = canary.events * math.log(base / (base + delta))
    good = (canary.requests - canary.events) * math.log((1 - base) / (1 - base - delta))
    return min(CEILING, max(FLOOR, health + bad + good))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hold what health is measured against at one rung.

    `errors` and `slow` are the primary's shares, the deltas the excess that would matter, `slow_ms` the bound above
    which a request is slow; None where no latency is measured.
    """

    errors: float
    errors_delta: float
    slow: float
    slow_delta: float
    slow_ms: float | None


def next_share(terms: Terms, case: Case) -> float:
    """Give the canary's share of the traffic after its next step; promotion is all of it."""
    following = ladder.next_rung(terms.weights, case.weight, case.traffic)
    return (ladder.ALL if following is None else following) / ladder.ALL


def bounds_of(terms: Terms, case: Case) -> Bounds:
    """Give what the canary's health is measured against before its next step.

    A primary that is hardly known has shares of 0, against which no health can be had.
    """
    share = next_share(terms, case)
    slow_ms = case.baseline.slow_bound(terms.slow_limit_ms)
    errors = case.baseline.error_share() if case.baseline.answers.requests >= LEAST_KNOWN else 0.0
    slow = case.baseline.slow_share(slow_ms) if slow_ms is not None and case.baseline.timed >= LEAST_KNOWN else 0.0
    return Bounds(errors, ERROR_MARGIN.excess(errors, share), slow, SLOW_MARGIN.excess(slow, share), slow_ms)
