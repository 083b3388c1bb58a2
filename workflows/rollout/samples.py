"""Carry what was observed of user traffic: requests by response class and latency buckets, per arm.

Counters only grow; what happened in a tick is the difference of two readings. A counter that went back was reset
with its process: then the newer reading is all that happened since. Where a source counts by pods, each is compared
with itself, so that pods which come and go never look like a reset of their arm.
"""

import enum
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from workflows.rollout.traffic import Arm

MOST_PARTS = 20
"""More parts of an arm than this are not told apart: the last ones, by name, are one."""

_MERGED = "+"


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Count one arm's requests since its counters began.

    `responses` maps a response class ("2xx") to a count. `latency` holds (upper bound in ms, requests at most that
    slow), rising and cumulative, the last bound infinite; empty when nothing was measured. `parts` are the counters of
    its pods by their names, empty where the source does not tell them apart.
    """

    responses: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    latency: tuple[tuple[float, int], ...] = ()
    parts: Mapping[str, "ArmCounts"] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of_parts(cls, parts: Mapping[str, "ArmCounts"]) -> "ArmCounts":
        """Add up the counters of an arm's pods, and keep them, at most MOST_PARTS apart."""
        return replace(add(parts.values()), parts=MappingProxyType(_merge(parts)))

    @property
    def total(self) -> int:
        """Count all answered requests."""
        return sum(self.responses.values())

    @property
    def errors(self) -> int:
        """Count the answers of class 5xx."""
        return self.responses.get("5xx", 0)

    def since(self, earlier: "ArmCounts") -> "ArmCounts":
        """Give what was added after an earlier reading; a reset counts as a fresh start.

        Part by part where both readings have them: a part that is gone adds nothing, a new one all that it has.
        """
        if self.parts and (earlier.parts or not earlier.total):
            parts = {name: self._part_since(earlier, name) for name in self.parts}
            return ArmCounts.of_parts(parts)
        if any(self.responses.get(name, 0) < count for name, count in earlier.responses.items()):
            return self
        before = dict(earlier.latency)
        responses = {name: count - earlier.responses.get(name, 0) for name, count in self.responses.items()}
        latency = tuple((bound, max(0, count - before.get(bound, 0))) for bound, count in self.latency)
        return ArmCounts(MappingProxyType(responses), latency)

    def _part_since(self, earlier: "ArmCounts", name: str) -> "ArmCounts":
        # What is new beside parts that are not told apart may have been one of them: it adds nothing yet.
        untold = name.startswith(_MERGED) or any(known.startswith(_MERGED) for known in earlier.parts)
        unknown = self.parts[name] if untold and earlier.total else ArmCounts()
        return self.parts[name].since(earlier.parts.get(name, unknown))

    def remembering(self, earlier: "ArmCounts") -> "ArmCounts":
        """Keep what an earlier reading knew of parts that this one misses, as far as there is room.

        A pod that could not be read once comes back with its whole past, of which only what is new may count.
        """
        gone = [name for name in earlier.parts if name not in self.parts and not name.startswith(_MERGED)]
        room = MOST_PARTS - len(self.parts)
        kept = {name: earlier.parts[name] for name in gone[: max(0, room)]}
        return replace(self, parts=MappingProxyType({**self.parts, **kept})) if kept else self

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


def add(parts: Iterable[ArmCounts]) -> ArmCounts:
    """Add up counters; of the latency only the buckets that all who measured it have."""
    responses: dict[str, int] = {}
    latency: dict[float, int] | None = None
    for part in parts:
        for name, count in part.responses.items():
            responses[name] = responses.get(name, 0) + count
        if part.latency:
            more = dict(part.latency)
            known = latency if latency is not None else dict.fromkeys(more, 0)
            latency = {bound: count + more[bound] for bound, count in known.items() if bound in more}
    return ArmCounts(MappingProxyType(responses), tuple(sorted((latency or {}).items())))


def _merge(parts: Mapping[str, ArmCounts]) -> dict[str, ArmCounts]:
    """Merge the parts beyond the bound under a name that changes with its members, for then it is another sum."""
    if len(parts) <= MOST_PARTS:
        return dict(parts)
    names = sorted(parts)
    rest = names[MOST_PARTS - 1 :]
    members = zlib.crc32("\n".join(rest).encode())
    kept = {name: parts[name] for name in names[: MOST_PARTS - 1]}
    return {**kept, f"{_MERGED}{len(rest)} more ({members:08x})": add(parts[name] for name in rest)}


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

    def remembering(self, earlier: "TrafficCounts") -> "TrafficCounts":
        """Keep what an earlier reading knew of parts that this one misses."""
        primary = self.primary.remembering(earlier.primary)
        return TrafficCounts(primary, self.canary.remembering(earlier.canary))


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
