"""Compare the canary with the primary that serves at the same time: the conditional binomial e-process.

Formula. With n_c, n_p requests and x_c, x_p events of one tick, w = n_c/(n_c+n_p), x = x_c+x_p, and a ratio r above
the tolerated ratio r0: L(r) = (r/r0)^x_c * ((w r0 + 1-w) / (w r + 1-w))^x, and M(r) is the product over the ticks.
If events are r0 times as likely on the canary (as odds), E[L] <= 1 whatever the shared base rate and the split are, so
P(M ever >= 1/alpha) <= alpha at any number of looks (Ville). A mean of such processes is one too.
Source: Lindon and Malek 2022 (arXiv 2011.03567), here with a mixture over ratios, one-sided, with a changing split.
Unit: evidence is a betting score, 1 is none. Assumption: both arms get the same mix of requests.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from operator import add, sub

from workflows.rollout.tally import Split

MAX_RESTARTS = 6
"""How many restarts share the half of the weight that the whole run does not have; declared before any data."""

MOST_LOG = 1e6
EXP_LIMIT = 600.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Name the ratio that is tolerated and the larger ones that are looked for."""

    tolerated: float
    ratios: tuple[float, ...]


ERRORS = Grid(1.1, (1.5, 2, 3, 5, 10, 30, 100))
LATENCY = Grid(1.25, (1.5, 2, 3, 5, 10, 30))


def score(grid: Grid, splits: Iterable[Split]) -> tuple[float, ...]:
    """Give log L(r) of one tick, for each stream and each ratio of the grid, in that order.

    Where one arm has no requests w is 0 or 1 and every L is 1: no data, no evidence.
    """
    return tuple(value for split in splits for value in _score_stream(grid, split))


def _score_stream(grid: Grid, split: Split) -> list[float]:
    share, tolerated = split.canary_share, grid.tolerated
    ours, both = split.canary.events, split.canary.events + split.primary.events
    if not 0 < share < 1 or both == 0:
        return [0.0] * len(grid.ratios)
    base = share * tolerated + 1 - share
    return [
        ours * math.log(ratio / tolerated) + both * math.log(base / (share * ratio + 1 - share))
        for ratio in grid.ratios
    ]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keep the sums of log L since the first tick, and what they were at each restart."""

    sums: tuple[float, ...] = ()
    restarts: tuple[tuple[float, ...], ...] = ()

    def sized(self, streams: int) -> "Ledger":
        """Make room for a number of streams times ratios, each at no evidence."""
        blank = (0.0,) * streams
        return Ledger(blank, (blank,) * len(self.restarts))

    def plus(self, scores: tuple[float, ...]) -> "Ledger":
        """Add one tick's scores."""
        sums = tuple(max(-MOST_LOG, min(MOST_LOG, value)) for value in map(add, self.sums, scores))
        return Ledger(sums, self.restarts)

    def restarted(self) -> "Ledger":
        """Begin a further process here, so that a late fault need not outweigh a good past; ignored after the last."""
        if len(self.restarts) >= MAX_RESTARTS:
            return self
        return Ledger(self.sums, (*self.restarts, self.sums))

    def evidence(self, design_effect: float = 1.0) -> float:
        """Give sum_j pi_j * mean M_j^(1/phi): half for the whole run, the other half shared by the restarts.

        Tempering at the look keeps the guarantee for any phi >= 1, even one estimated from the same data, because the
        result is never above the untempered one. A restart that has not begun counts as 1.
        """
        if not self.sums:
            return 1.0
        plain = self._mix(1.0)
        return min(plain, self._mix(design_effect)) if design_effect > 1 else plain

    def _mix(self, design_effect: float) -> float:
        whole = mean_power(self.sums, design_effect)
        later = sum(mean_power(map(sub, self.sums, start), design_effect) for start in self.restarts)
        idle = MAX_RESTARTS - len(self.restarts)
        return whole / 2 + (later + idle) / (2 * MAX_RESTARTS)


def mean_power(logs: Iterable[float], design_effect: float) -> float:
    """Give the mean of exp(log / phi), cut where a float would overflow."""
    powers = [math.exp(min(EXP_LIMIT, value / design_effect)) for value in logs]
    return sum(powers) / len(powers)
