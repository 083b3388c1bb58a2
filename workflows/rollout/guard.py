"""Guard against a canary that is bad by any measure, also where no primary serves beside it.

Formula. H0: the canary's error share is at most s. For alternatives p in 0.1, 0.2, 0.5, 0.9 above s:
E = mean over p of the product over ticks of (p/s)^x_c * ((1-p)/(1-s))^(n_c-x_c), tempered like the comparison.
Source: the binomial likelihood ratio (Wald), a supermartingale under H0. Unit: betting score, 1 is none.
Assumption: s is a share the owner would roll back for; ticks in which the primary itself fails more than s/2
(a mean that decays by a quarter in 10 s) are left out, so that a shared incident holds instead of rolling back.
"""

import math
from dataclasses import dataclass, replace

from workflows.rollout.comparison import MOST_LOG, mean_power
from workflows.rollout.tally import Split

ALTERNATIVES = (0.1, 0.2, 0.5, 0.9)
LEAST_LIMIT, MOST_LIMIT = 0.05, 0.4
DECAY, DECAY_S = 0.75, 10.0


def limit_share(allowed: float, history: float) -> float:
    """Give s: what the owner allows or twice the primary's history, at least 5 %, at most 40 % of the requests."""
    return min(MOST_LIMIT, max(LEAST_LIMIT, allowed, 2 * history))


@dataclass(frozen=True, slots=True)
class Guard:
    """Keep the sums of log-likelihood ratios, and the primary's recent requests and errors (decaying)."""

    sums: tuple[float, ...] = (0.0,) * len(ALTERNATIVES)
    recent_requests: float = 0.0
    recent_errors: float = 0.0

    def plus(self, split: Split, limit: float, elapsed_s: float) -> "Guard":
        """Add one tick of `elapsed_s` seconds, judged against the limit s."""
        keep = DECAY ** (elapsed_s / DECAY_S)
        requests = self.recent_requests * keep + split.primary.requests
        errors = self.recent_errors * keep + split.primary.events
        seen = Guard(self.sums, requests, errors)
        return seen if errors > requests * limit / 2 else replace(seen, sums=_add(self.sums, split, limit))

    def evidence(self, design_effect: float = 1.0) -> float:
        """Give the mean over the alternatives, tempered by the design effect and never above the untempered mean."""
        plain = mean_power(self.sums, 1.0)
        return min(plain, mean_power(self.sums, design_effect)) if design_effect > 1 else plain


def _add(sums: tuple[float, ...], split: Split, limit: float) -> tuple[float, ...]:
    failed, good = split.canary.events, split.canary.requests - split.canary.events
    return tuple(
        max(-MOST_LOG, min(MOST_LOG, value + failed * math.log(p / limit) + good * math.log((1 - p) / (1 - limit))))
        if p > limit
        else value
        for value, p in zip(sums, ALTERNATIVES, strict=True)
    )
