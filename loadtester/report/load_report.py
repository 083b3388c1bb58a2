"""Hold what a whole run counted so far, and write and read it as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

from loadtester.report.counts import Health, NameReport, add_counts
from loadtester.report.histogram import Histogram

SCHEMA = "penstock.load/1"
"""The name and version of the JSON form; a reader refuses another version."""


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Hold how often one class of error met one name; `message` is the first one's, folded."""

    name: str
    kind: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Hold a run's counts so far, or a window's.

    `scheduled` counts the arrivals that were due (open mode), `dropped` those that could not be started in time,
    `interrupted` the requests that were still in flight when the run was cancelled; `lag` is how late the
    generator itself was.
    """

    elapsed_s: float = 0.0
    names: Mapping[str, NameReport] = field(default_factory=lambda: MappingProxyType({}))
    errors: tuple[ErrorCount, ...] = ()
    scheduled: int = 0
    dropped: int = 0
    interrupted: int = 0
    lag: Histogram = field(default_factory=Histogram)
    health: Health = field(default_factory=Health)

    @property
    def total(self) -> NameReport:
        """Give the counts of all names together."""
        return reduce(NameReport.merge, self.names.values(), NameReport())

    @property
    def requests(self) -> int:
        """Give how many requests ended, well or badly."""
        return sum(item.requests for item in self.names.values())

    @property
    def failures(self) -> int:
        """Give how many of them failed."""
        return sum(item.failures for item in self.names.values())

    @property
    def failure_share(self) -> float | None:
        """Give the failed share (0..1) of all requests; None when there were none."""
        return self.failures / self.requests if self.requests else None

    @property
    def rate_per_s(self) -> float:
        """Give the requests that ended per second, 0 when no time passed."""
        return self.requests / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def cpu_share(self) -> float:
        """Give how busy the generator was, as a share of one core for each of its processes."""
        busy_s = self.elapsed_s * max(self.health.workers, 1)
        return self.health.cpu_s / busy_s if busy_s > 0 else 0.0

    def named(self, name: str | None) -> NameReport:
        """Give the counts of one name, empty when unknown, or of all when None."""
        return self.total if name is None else self.names.get(name, NameReport())

    def percentile_ms(self, share: float, name: str | None = None) -> float | None:
        """Give a percentile (share 0..1) of the response time in milliseconds; None without requests."""
        return self.named(name).response.percentile_ms(share)

    def arm(self, prefix: str) -> "LoadReport":
        """Give the part of a comparing run that went to one arm, under the names' own form.

        Both arms share one schedule, so half of what was scheduled is this arm's; drops and lag are of both.
        """
        names = {key.removeprefix(prefix): item for key, item in self.names.items() if key.startswith(prefix)}
        errors = [
            replace(item, name=item.name.removeprefix(prefix)) for item in self.errors if item.name.startswith(prefix)
        ]
        return replace(self, names=names, errors=tuple(errors), scheduled=self.scheduled // 2)

    def merge(self, other: "LoadReport") -> "LoadReport":
        """Add another generator's report of the same time."""
        keys = {**self.names, **other.names}
        return LoadReport(
            max(self.elapsed_s, other.elapsed_s),
            {key: self.named(key).merge(other.named(key)) for key in keys},
            merge_errors((*self.errors, *other.errors)),
            self.scheduled + other.scheduled,
            self.dropped + other.dropped,
            self.interrupted + other.interrupted,
            self.lag.merge(other.lag),
            self.health.merge(other.health),
        )

    def since(self, earlier: "LoadReport") -> "LoadReport":
        """Give the window between an earlier report of the same run and this one."""
        return LoadReport(
            max(self.elapsed_s - earlier.elapsed_s, 0.0),
            {key: item.since(earlier.named(key)) for key, item in self.names.items()},
            _errors_since(self.errors, earlier.errors),
            self.scheduled - earlier.scheduled,
            self.dropped - earlier.dropped,
            self.interrupted - earlier.interrupted,
            self.lag.since(earlier.lag),
            self.health.since(earlier.health),
        )

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {
            "schema": SCHEMA,
            "elapsed_s": round(self.elapsed_s, 6),
            "requests": self.requests,
            "failures": self.failures,
            "scheduled": self.scheduled,
            "dropped": self.dropped,
            "interrupted": self.interrupted,
            "names": {key: item.to_dict() for key, item in self.names.items()},
            "errors": [
                {"name": item.name, "kind": item.kind, "message": item.message, "count": item.count}
                for item in self.errors
            ],
            "lag": self.lag.to_dict(),
            "health": self.health.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "LoadReport":
        """Read what `to_dict` wrote; raises ValueError for anything else."""
        if document.get("schema") != SCHEMA:
            raise ValueError(f"schema: {document.get('schema')!r} is not a load report; known: {SCHEMA}")
        try:
            return cls._read(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"load report: {type(error).__name__} at {error}; was it written by hand?") from error

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> "LoadReport":
        return cls(
            float(document["elapsed_s"]),
            {str(key): NameReport.from_dict(item) for key, item in document["names"].items()},
            tuple(ErrorCount(**item) for item in document["errors"]),
            int(document["scheduled"]),
            int(document["dropped"]),
            int(document["interrupted"]),
            Histogram.from_dict(document["lag"]),
            Health.from_dict(document["health"]),
        )


def merge_errors(errors: Iterable[ErrorCount]) -> tuple[ErrorCount, ...]:
    """Add the errors of the same name and kind; the first message stays."""
    merged: dict[tuple[str, str], ErrorCount] = {}
    for error in errors:
        key = (error.name, error.kind)
        known = merged.get(key)
        merged[key] = replace(known, count=known.count + error.count) if known else error
    return tuple(merged.values())


def _errors_since(now: tuple[ErrorCount, ...], earlier: tuple[ErrorCount, ...]) -> tuple[ErrorCount, ...]:
    before = {f"{item.name}\0{item.kind}": item.count for item in earlier}
    grown = add_counts({f"{item.name}\0{item.kind}": item.count for item in now}, before, -1)
    known = {f"{item.name}\0{item.kind}": item for item in now}
    return tuple(replace(known[key], count=count) for key, count in grown.items())
