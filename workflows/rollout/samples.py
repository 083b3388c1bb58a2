"""Carry what was observed of user traffic: requests by response class and latency buckets, per arm.

Counters only grow; what happened in a tick is the difference of two readings. A counter that went back was reset
with its process: then the newer reading is all that happened since.
"""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from workflows.rollout.traffic import Arm


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Count one arm's requests since its counters began.

    `responses` maps a response class ("2xx") to a count. `latency` holds (upper bound in ms, requests at most that
    slow), rising and cumulative, the last bound infinite; empty when nothing was measured.
    """

    responses: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    latency: tuple[tuple[float, int], ...] = ()

    @property
    def total(self) -> int:
        """Count all answered requests."""
        return sum(self.responses.values())

    @property
    def errors(self) -> int:
        """Count the answers of class 5xx."""
        return self.responses.get("5xx", 0)

    def since(self, earlier: "ArmCounts") -> "ArmCounts":
        """Give what was added after an earlier reading; a reset counts as a fresh start."""
        if any(self.responses.get(name, 0) < count for name, count in earlier.responses.items()):
            return self
        before = dict(earlier.latency)
        responses = {name: count - earlier.responses.get(name, 0) for name, count in self.responses.items()}
        latency = tuple((bound, max(0, count - before.get(bound, 0))) for bound, count in self.latency)
        return ArmCounts(MappingProxyType(responses), latency)

    def success_percent(self) -> float | None:
        """Give the share of answers that are not 5xx, in percent; None without any answer."""
        return 100.0 * (self.total - self.errors) / self.total if self.total else None

    def quantile_ms(self, share: float) -> float | None:
        """Give a latency quantile in ms by linear interpolation within its bucket (Prometheus: histogram_quantile).

        `share` is within 0 to 1. None without requests; infinite when it falls into the last, unbounded bucket.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share: {share} is not within 0 to 1")
        requests = self.latency[-1][1] if self.latency else 0
        if requests == 0:
            return None
        rank = share * requests
        buckets = zip(((0.0, 0), *self.latency), self.latency, strict=False)
        (low, below), (bound, count) = next(pair for pair in buckets if pair[1][1] >= rank and pair[1][1] > pair[0][1])
        return low + (bound - low) * (rank - below) / (count - below) if math.isfinite(bound) else math.inf


@dataclass(frozen=True, slots=True)
class TrafficCounts:
    """Count the requests of both arms."""

    primary: ArmCounts = field(default_factory=ArmCounts)
    canary: ArmCounts = field(default_factory=ArmCounts)

    def of(self, arm: Arm) -> ArmCounts:
        """Give one arm's counts."""
        return self.primary if arm is Arm.PRIMARY else self.canary

    def since(self, earlier: "TrafficCounts") -> "TrafficCounts":
        """Give what was added to each arm after an earlier reading."""
        return TrafficCounts(self.primary.since(earlier.primary), self.canary.since(earlier.canary))


class Gap(enum.Enum):
    """Name the reasons for which a query gives no number."""

    NO_DATA = "no values found"
    NOT_A_NUMBER = "the answer is not a number"
    SEVERAL_SERIES = "the answer has several series"
    TIMED_OUT = "the query timed out"
    REFUSED = "the query was refused"
    UNREACHABLE = "the metrics server cannot be reached"


@dataclass(frozen=True, slots=True)
class Measurement:
    """Carry the answer to a query: a number, or the gap that stands in its place with a detail for people."""

    value: float | None = None
    gap: Gap | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse a measurement that is both or neither, and a number that is none."""
        if (self.value is None) == (self.gap is None):
            raise ValueError(f"a measurement is a value or a gap; got {self.value!r} and {self.gap!r}")
        if self.value is not None and math.isnan(self.value):
            raise ValueError("value: NaN is a gap, not a number")
