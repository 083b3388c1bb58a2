"""Measure anytime validity: how often the comparison ever reaches 100 for a canary that is no worse.

1,000 looks; the split swings between 5 and 95 %, the base rate by a factor of 2.2 both ways.
"""

import math
from random import Random

from workflows.foresight.sampling import draw_binomial, draw_poisson
from workflows.rollout.case import Case, Look
from workflows.rollout.evidence import observe
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.terms import Terms

REQUESTS = 300.0
SWING = 2.2
LIMIT = 100.0


def ever_crosses(seed: str, base: float, looks: int, ratio: float = 1.0) -> bool:
    """Run one canary whose errors have `ratio` times the primary's odds, and tell whether E ever reached 100."""
    random, terms, case = Random(seed), Terms((5, 50, 95)), Case()
    phase = random.random() * math.tau
    for look in range(looks):
        weight = 50 + round(45 * math.sin(look / 7 + phase))
        share = base * SWING ** math.sin(look / 31 + 2 * phase)
        odds = ratio * share / (1 - share)
        canary = _draw(random, REQUESTS * weight / 100, odds / (1 + odds))
        primary = _draw(random, REQUESTS * (100 - weight) / 100, share)
        window = TrafficCounts(primary, canary)
        case = observe(terms, case, Look(10.0 * look, weight, window)).case
        if case.errors.evidence() >= LIMIT:
            return True
    return False


def _draw(random: Random, mean: float, share: float) -> ArmCounts:
    requests = draw_poisson(random, mean)
    failed = draw_binomial(random, requests, share)
    return ArmCounts({"2xx": requests - failed, "5xx": failed})
