"""Draw counts: binomial, Poisson and multinomial numbers from the standard library's uniform ones."""

import math
from collections.abc import Sequence
from random import Random

SMALL_MEAN = 12.0
SQUEEZE, CORNER = 0.07, 0.013
"""Hoermann's constants for accepting and refusing at once."""

HALF = 0.5
NOTHING = 1e-15


def draw_poisson(random: Random, mean: float) -> int:
    """Draw a Poisson count: by multiplication when the mean is small, else by Hoermann's PTRS (1993)."""
    if mean <= 0:
        return 0
    if mean < SMALL_MEAN:
        limit, count, product = math.exp(-mean), 0, random.random()
        while product > limit:
            product *= random.random()
            count += 1
        return count
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    scale, log_mean = 1.1239 + 1.1328 / (b - 3.4), math.log(mean)
    while True:
        u, v = random.random() - 0.5, random.random()
        us = 0.5 - abs(u)
        count = math.floor((2 * a / us + b) * u + mean + 0.43) if us > 0 else -1
        if us >= SQUEEZE and v <= 0.9277 - 3.6224 / (b - 2):
            return count
        if count < 0 or (us < CORNER and v > us):
            continue
        density = count * log_mean - mean - math.lgamma(count + 1)
        if math.log(v * scale / (a / (us * us) + b)) <= density:
            return count


def draw_binomial(random: Random, trials: int, share: float) -> int:
    """Draw a binomial count: by waiting times when few are expected, else by Hoermann's BTRS (1993)."""
    if trials <= 0 or share <= 0:
        return 0
    if share > HALF:
        return trials - draw_binomial(random, trials, 1 - share)
    if trials * share < SMALL_MEAN:
        return _wait_for_events(random, trials, share)
    return _reject_binomial(random, trials, share)


def _wait_for_events(random: Random, trials: int, share: float) -> int:
    log_miss, passed, count = math.log1p(-share), 0, 0
    while True:
        passed += int(math.log(1 - random.random()) / log_miss) + 1
        if passed > trials:
            return count
        count += 1


def _reject_binomial(random: Random, trials: int, share: float) -> int:
    deviation = math.sqrt(trials * share * (1 - share))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * share
    c, vr = trials * share + 0.5, 0.92 - 4.2 / b
    alpha, odds = (2.83 + 5.1 / b) * deviation, math.log(share / (1 - share))
    mode = math.floor((trials + 1) * share)
    top = math.lgamma(mode + 1) + math.lgamma(trials - mode + 1)
    while True:
        u, v = random.random() - 0.5, random.random()
        us = 0.5 - abs(u)
        count = math.floor((2 * a / us + b) * u + c) if us > 0 else -1
        if us >= SQUEEZE and v <= vr:
            return count
        if not 0 <= count <= trials or v == 0:
            continue
        density = top - math.lgamma(count + 1) - math.lgamma(trials - count + 1) + (count - mode) * odds
        if math.log(v * alpha / (a / (us * us) + b)) <= density:
            return count


def cumulate(shares: Sequence[float]) -> tuple[float, ...]:
    """Turn the shares of the cells of a multinomial into what is left of the cells after each, for drawing."""
    left, hazards = 1.0, []
    for share in shares:
        hazards.append(min(1.0, share / left) if left > NOTHING else 1.0)
        left -= share
    return tuple(hazards)


def draw_cells(random: Random, trials: int, hazards: Sequence[float]) -> list[int]:
    """Draw the cumulative counts of a multinomial's cells; the last cell takes what is left."""
    counts, total = [], 0
    for hazard in hazards:
        total += draw_binomial(random, trials - total, hazard) if total < trials else 0
        counts.append(total)
    return counts
