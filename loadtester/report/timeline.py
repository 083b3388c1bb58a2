"""Keep a run's course in at most 600 slots: when they are full, neighbours become one.

Pure: it is told each cumulative report and keeps the differences; its memory is fixed whatever the run's length.
"""

from dataclasses import dataclass
from typing import Any

from loadtester.report.load_report import LoadReport

MAX_SLOTS = 600
"""The most slots a timeline has."""

_PARTS = 100


@dataclass(frozen=True, slots=True)
class Slot:
    """Hold what happened until `until_s` since the slot before; latencies are milliseconds, None without requests."""

    until_s: float
    span_s: float
    requests: int
    failures: int
    dropped: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    def merge(self, later: "Slot") -> "Slot":
        """Join with the slot after; the worse percentile stands for both, so no peak is lost."""
        return Slot(
            later.until_s,
            self.span_s + later.span_s,
            self.requests + later.requests,
            self.failures + later.failures,
            self.dropped + later.dropped,
            _worse(self.p50_ms, later.p50_ms),
            _worse(self.p95_ms, later.p95_ms),
            _worse(self.p99_ms, later.p99_ms),
        )

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def _worse(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


class Timeline:
    """Keep the course of one run."""

    def __init__(self, max_slots: int = MAX_SLOTS) -> None:
        self._max_slots = max_slots
        self._slots: list[Slot] = []
        self._last = LoadReport()

    def add(self, report: LoadReport) -> None:
        """Take the next cumulative report."""
        window = report.since(self._last)
        if window.elapsed_s <= 0:
            return
        self._last = report
        response = window.total.response
        percentiles = (response.percentile_ms(share) for share in (0.5, 0.95, 0.99))
        self._slots.append(
            Slot(
                round(report.elapsed_s, 3),
                round(window.elapsed_s, 3),
                window.requests,
                window.failures,
                window.dropped,
                *percentiles,
            )
        )
        if len(self._slots) >= self._max_slots:
            self._fold()

    def _fold(self) -> None:
        pairs = zip(self._slots[::2], self._slots[1::2], strict=False)
        odd = self._slots[-1:] if len(self._slots) % 2 else []
        self._slots = [one.merge(other) for one, other in pairs] + odd

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Give the slots, the oldest first."""
        return tuple(self._slots)


class RecentReports:
    """Keep as many cumulative reports as the longest window needs, and give the report of the last seconds."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._reports: list[LoadReport] = [LoadReport()]

    def add(self, report: LoadReport) -> None:
        """Take the next cumulative report; they are kept no closer than a hundredth of the longest window."""
        if len(self._reports) > 1 and report.elapsed_s - self._reports[-2].elapsed_s < self._longest_s / _PARTS:
            self._reports.pop()
        self._reports.append(report)
        oldest_s = report.elapsed_s - self._longest_s
        while len(self._reports) > 1 and self._reports[1].elapsed_s <= oldest_s:
            self._reports.pop(0)

    def last(self, window_s: float) -> LoadReport:
        """Give what happened in the last seconds, everything when the run is younger."""
        newest = self._reports[-1]
        older = [item for item in self._reports[:-1] if item.elapsed_s <= newest.elapsed_s - window_s]
        return newest.since(older[-1] if older else self._reports[0])
