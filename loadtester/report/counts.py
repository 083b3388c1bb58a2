"""Hold what is counted for one name, and what is counted once for a whole run.

Counters only rise, so the difference of two states is what happened between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from loadtester.report.histogram import Histogram


def _nothing() -> Mapping[str, int]:
    return MappingProxyType({})


def add_counts(one: Mapping[str, int], other: Mapping[str, int], sign: int = 1) -> dict[str, int]:
    """Add counters by key (or subtract, with -1), leaving out what comes to nothing."""
    keys = {**one, **other}
    sums = {key: one.get(key, 0) + sign * other.get(key, 0) for key in keys}
    return {key: count for key, count in sums.items() if count > 0}


@dataclass(frozen=True, slots=True)
class NameReport:
    """Hold one name's counts; `response` runs from the intended start, `service` from the send."""

    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    failures: int = 0
    received_bytes: int = 0
    checks_passed: int = 0
    checks_failed: int = 0
    statuses: Mapping[str, int] = field(default_factory=_nothing)

    @property
    def requests(self) -> int:
        """Give how many requests ended, well or badly."""
        return self.response.count

    def merge(self, other: "NameReport") -> "NameReport":
        """Add another name's counts."""
        return NameReport(
            self.response.merge(other.response),
            self.service.merge(other.service),
            self.failures + other.failures,
            self.received_bytes + other.received_bytes,
            self.checks_passed + other.checks_passed,
            self.checks_failed + other.checks_failed,
            add_counts(self.statuses, other.statuses),
        )

    def since(self, earlier: "NameReport") -> "NameReport":
        """Give what was added after an earlier state."""
        return NameReport(
            self.response.since(earlier.response),
            self.service.since(earlier.service),
            self.failures - earlier.failures,
            self.received_bytes - earlier.received_bytes,
            self.checks_passed - earlier.checks_passed,
            self.checks_failed - earlier.checks_failed,
            add_counts(self.statuses, earlier.statuses, -1),
        )

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        numbers = {key: getattr(self, key) for key in _NAME_NUMBERS}
        histograms = {"response": self.response.to_dict(), "service": self.service.to_dict()}
        return histograms | numbers | {"requests": self.requests, "statuses": dict(self.statuses)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "NameReport":
        """Read what `to_dict` wrote."""
        return cls(
            Histogram.from_dict(document["response"]),
            Histogram.from_dict(document["service"]),
            statuses={str(key): int(count) for key, count in document["statuses"].items()},
            **{key: int(document[key]) for key in _NAME_NUMBERS},
        )


_NAME_NUMBERS = ("failures", "received_bytes", "checks_passed", "checks_failed")


@dataclass(frozen=True, slots=True)
class Health:
    """Hold what the generator says of itself; `users` and `in_flight` are of the moment, the rest only rises."""

    cpu_s: float = 0.0
    memory_mb: float = 0.0
    users: int = 0
    in_flight: int = 0
    workers: int = 1
    workers_lost: int = 0
    script_errors: int = 0

    def merge(self, other: "Health") -> "Health":
        """Add another generator's health."""
        return Health(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def since(self, earlier: "Health") -> "Health":
        """Give the health of a window: what rises is subtracted, what is of the moment stays."""
        return Health(
            max(self.cpu_s - earlier.cpu_s, 0.0),
            self.memory_mb,
            self.users,
            self.in_flight,
            self.workers,
            self.workers_lost,
            self.script_errors - earlier.script_errors,
        )

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Health":
        """Read what `to_dict` wrote."""
        return cls(**{item.name: document[item.name] for item in fields(cls)})
