"""Climb by evidence: small first rungs where the traffic allows, early steps, and the plan's own weights.

A fault at a small weight meets few users, and every canary error there says more (about log 1/w per error), so the
ladder begins at 1 % and 5 %. A low rung is taken only where it yields 20 canary requests per tick.
"""

from collections.abc import Sequence

from workflows.rollout.plan import Analysis

LOW_RUNGS = (1, 5)
LEAST_PER_TICK = 20.0
ALL = 100


def rungs(weights: Sequence[int], requests_per_tick: float | None) -> tuple[int, ...]:
    """Give the whole ladder: low rungs below the plan's first weight that traffic allows (all when it is unknown)."""
    return tuple(rung for rung in LOW_RUNGS if rung < weights[0] and fruitful(rung, requests_per_tick)) + tuple(weights)


def count_judged(analysis: Analysis | None) -> int:
    """Count the weights that are judged at most, that of requests mirrored first among them; 0 without weights."""
    if analysis is None or not analysis.weights:
        return 0
    return len(rungs(analysis.weights, None)) + (analysis.mirror_percent > 0)


def next_rung(weights: Sequence[int], weight: int, requests_per_tick: float | None) -> int | None:
    """Give the lowest rung above a weight, None at the end: the next step is promotion."""
    return next((rung for rung in rungs(weights, requests_per_tick) if rung > weight), None)


def fruitful(rung: int, requests_per_tick: float | None) -> bool:
    """Tell whether a rung yields enough canary requests per tick to learn from; unknown traffic might."""
    return requests_per_tick is None or requests_per_tick * rung / ALL >= LEAST_PER_TICK


def restart_every(weights: Sequence[int], most: int) -> int:
    """Say after how many rungs the comparison restarts, so that the predeclared restarts last for the ladder."""
    return max(1, -(-(len(weights) + len(LOW_RUNGS) - 1) // most))
