"""Reduce the cells to the figures the judge is held to: the worst cell of each row, but detection the mean.

Shares are fractions, times seconds. Flagger's rule at 60 s and threshold 3 is the baseline: for each cell the one of
its two limits (99 and 95 % success) under which fewer requests fail.
"""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from judging.measurement import Summary

Cells = list[Summary]
TUNED = frozenset({"evidence", "evidence-strict"})


def _unread(_cells: Cells, _judges: frozenset[str]) -> float:
    return float("nan")


@dataclass(frozen=True, slots=True)
class Figure:
    """Name a figure, its target and how it is read from the cells; `most` says that the target is an upper limit."""

    name: str
    says: str
    target: float
    read: Callable[[Cells, frozenset[str]], float] = _unread
    most: bool = field(default=True, kw_only=True)

    def reached(self, value: float) -> bool:
        """Tell whether a value meets the target."""
        return value <= self.target if self.most else value >= self.target


def pick(cells: Cells, judges: Iterable[str], group: str, least_rps: float = 0.0, most_rps: float = 1e9) -> Cells:
    """Pick the cells of some judges and one group within a range of traffic."""
    wanted = set(judges)
    return [c for c in cells if c.judge in wanted and c.group == group and least_rps <= c.rps <= most_rps]


def fewer_failed(rps: float) -> Callable[[Cells, frozenset[str]], float]:
    """Make the reader of the ratio of failed user requests, Flagger at 60 s over a judge, in the worst cell."""

    def read(cells: Cells, judges: frozenset[str]) -> float:
        ratios = []
        for ours in pick(cells, judges - {"evidence-strict"}, "50%", rps, rps):
            theirs = min(c.excess for c in pick(cells, ("F99-60", "F95-60"), "50%", rps, rps) if c.name == ours.name)
            ratios.append(theirs / max(ours.excess, 1e-9))
        return min(ratios)

    return read


def worst_rollback(group: str) -> Callable[[Cells, frozenset[str]], float]:
    """Make the reader of the highest share of rollbacks in a group."""
    return lambda cells, judges: max(c.rolled_back for c in pick(cells, judges, group))


def worst_promotion_s(rps: float) -> Callable[[Cells, frozenset[str]], float]:
    """Make the reader of the longest mean time to promote a good version without an incident; infinite if none is."""

    def read(cells: Cells, judges: frozenset[str]) -> float:
        good = pick(cells, judges - {"evidence-strict"}, "null", rps, rps)
        calm = [c for c in good if not c.name.startswith("shared incident")]
        return max(c.promote_s or float("inf") for c in calm)

    return read


def _worst_missed(cells: Cells, judges: frozenset[str]) -> float:
    return max(c.promoted for c in pick(cells, judges - {"evidence-strict"}, "5x", 100))


def _mean_detection_s(cells: Cells, judges: frozenset[str]) -> float:
    picked = pick(cells, judges - {"evidence-strict"}, "5x", 100)
    return statistics.fmean(c.roll_back_s or float("inf") for c in picked)


def _worst_failed(cells: Cells, judges: frozenset[str]) -> float:
    return max(c.failed for c in pick(cells, judges - {"evidence-strict"}, "5x", 100))


def _strict_promoted(cells: Cells, judges: frozenset[str]) -> float:
    strict = {"evidence-strict"} if judges == TUNED else judges
    return max(c.promoted for group in ("5x", "50%") for c in pick(cells, strict, group))


def _least_found(cells: Cells, judges: frozenset[str]) -> float:
    return min(c.rolled_back for c in pick(cells, judges - {"evidence-strict"}, "latency", 10))


FIGURES = (
    Figure(
        "false_rollback_worst_null",
        "false rollbacks, worst unclustered good cell",
        0.01,
        worst_rollback("null"),
        most=True,
    ),
    Figure("fewer_failed_50pct_10rps", "50 % errors, 10 rps: times fewer failed", 20, fewer_failed(10), most=False),
    Figure("fewer_failed_50pct_100rps", "50 % errors, 100 rps: times fewer failed", 90, fewer_failed(100), most=False),
    Figure(
        "fewer_failed_50pct_1000rps", "50 % errors, 1000 rps: times fewer failed", 300, fewer_failed(1000), most=False
    ),
    Figure("missed_5x_100rps", "5x errors, 100 rps and more: promoted", 0.01, _worst_missed, most=True),
    Figure("detect_5x_100rps_s", "5x errors, 100 rps and more: mean s to rollback", 60, _mean_detection_s, most=True),
    Figure("failed_5x_100rps", "5x errors, 100 rps and more: failed requests", 20, _worst_failed, most=True),
    Figure("promote_s_1000rps", "good version at 1000 rps: s to promote", 130, worst_promotion_s(1000), most=True),
    Figure("promote_s_100rps", "good version at 100 rps: s to promote", 270, worst_promotion_s(100), most=True),
    Figure("strict_promoted_bad", "strict: 5x and 50 % canaries promoted", 0, _strict_promoted, most=True),
    Figure("latency_found", "latency x1.5 or 2 % tail, 10 rps and more: found", 0.99, _least_found, most=False),
    Figure("clusters_false_rollback", "errors in fives: false rollbacks", 0.01, worst_rollback("clusters"), most=True),
)
ANYTIME = Figure("anytime_crossing", "P(E ever >= 100) in 1,000 looks", 0.01, most=True)


def read_all(cells: Cells, judges: Iterable[str] = TUNED) -> dict[str, float]:
    """Read every figure but anytime validity for one judge, or for ours."""
    return {figure.name: figure.read(cells, frozenset(judges)) for figure in FIGURES}
