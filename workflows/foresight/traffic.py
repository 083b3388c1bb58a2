"""Simulate user traffic of two versions: Poisson arrivals, binomial errors, lognormal latency in buckets.

Latency falls into bucket bounds of 25 to 5000 ms as Istio has them; there are four primary pods, among which every
request, or every cluster of errors, is placed at random.
"""

import functools
import itertools
import math
from dataclasses import dataclass, replace
from random import Random

from workflows.foresight.sampling import cumulate, draw_binomial, draw_cells, draw_poisson
from workflows.rollout.samples import ArmCounts, TrafficCounts

BOUNDS_MS = (25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0)
PODS = 4
TICK_S = 10.0
"""How long a drawn window lasts unless told otherwise."""

SIGMA = 0.6


@dataclass(frozen=True, slots=True)
class Version:
    """Describe how one version answers: share of errors, median latency in ms, and a share that takes two seconds."""

    errors: float
    median_ms: float = 100.0
    tail: float = 0.0

    def latency_shares(self) -> tuple[float, ...]:
        """Give the share of requests at most as slow as each bound."""
        return tuple(self._fast_share(bound) for bound in BOUNDS_MS)

    def _fast_share(self, bound_ms: float) -> float:
        body = 0.5 * math.erfc(-math.log(bound_ms / self.median_ms) / SIGMA / math.sqrt(2))
        return (1 - self.tail) * body + (self.tail if bound_ms > 2000 else 0.0)  # noqa: PLR2004 - two seconds


@functools.cache
def _hazards(version: Version) -> tuple[float, ...]:
    shares = version.latency_shares()
    return cumulate((shares[0], *(high - low for low, high in itertools.pairwise(shares))))


@dataclass(frozen=True, slots=True)
class Traffic:
    """Describe a service's traffic: requests per second, cluster size of errors, and what goes wrong when.

    `incident` is a share of errors that both arms get until `incident_s` seconds; the canary is like the primary until
    `fault_s`.
    """

    rps: float
    primary: Version
    canary: Version
    cluster: int = 1
    incident: float = 0.0
    incident_s: float = 0.0
    fault_s: float = 0.0


def draw_canary(random: Random, traffic: Traffic, weight: int, at_s: float, *, seconds: float = TICK_S) -> ArmCounts:
    """Draw the canary's part alone of the window that begins `at_s` seconds after the canary's first traffic."""
    ours = draw_poisson(random, traffic.rps * seconds * weight / 100)
    return _draw_arm(random, traffic, traffic.primary if at_s < traffic.fault_s else traffic.canary, ours, at_s)


def draw_window(
    random: Random, traffic: Traffic, weight: int, at_s: float, *, seconds: float = TICK_S
) -> TrafficCounts:
    """Draw the window that begins `at_s` seconds after the canary's first traffic; negative times are history."""
    canary = draw_canary(random, traffic, weight, at_s, seconds=seconds)
    theirs = draw_poisson(random, traffic.rps * seconds * (100 - weight) / 100)
    primary = _draw_arm(random, traffic, traffic.primary, theirs, at_s)
    return TrafficCounts(replace(primary, parts=_place(random, primary, traffic.cluster)), canary)


def _draw_arm(random: Random, traffic: Traffic, version: Version, requests: int, at_s: float) -> ArmCounts:
    extra = traffic.incident if 0 <= at_s < traffic.incident_s else 0.0
    errors = min(1.0, version.errors + extra)
    failed = min(requests, traffic.cluster * draw_binomial(random, requests, errors / traffic.cluster))
    if not requests:
        return ArmCounts()
    fast = draw_cells(random, requests, _hazards(version))
    latency = (*zip(BOUNDS_MS, fast, strict=True), (math.inf, requests))
    return ArmCounts({"2xx": requests - failed, "5xx": failed}, latency)


def _place(random: Random, primary: ArmCounts, cluster: int) -> dict[str, ArmCounts]:
    """Spread the primary's answers over its pods: errors by clusters, all else one by one."""
    requests, failed = primary.total, primary.errors
    errors = [cluster * count for count in _spread(random, failed // cluster)]
    good = _spread(random, requests - failed)
    slow = [_spread(random, count) for count in _differences(primary)]
    bounds = [bound for bound, _ in primary.latency]
    return {
        f"pod-{pod}": ArmCounts(
            {"2xx": good[pod], "5xx": errors[pod]}, _accumulate(bounds, [cell[pod] for cell in slow])
        )
        for pod in range(PODS)
    }


def _spread(random: Random, count: int) -> list[int]:
    placed, left = [], count
    for pod in range(PODS - 1):
        here = draw_binomial(random, left, 1 / (PODS - pod))
        placed.append(here)
        left -= here
    return [*placed, left]


def _differences(counts: ArmCounts) -> list[int]:
    totals = [count for _, count in counts.latency]
    return [high - low for low, high in zip([0, *totals], totals, strict=False)]


def _accumulate(bounds: list[float], cells: list[int]) -> tuple[tuple[float, int], ...]:
    total, latency = 0, []
    for bound, cell in zip(bounds, cells, strict=True):
        total += cell
        latency.append((bound, total))
    return tuple(latency)
