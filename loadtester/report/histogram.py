"""Count durations in log-linear cells: 32 to each power of two, 1 us to 134 s.

The one rule to keep: adding two histograms cell by cell loses nothing, so workers, windows and arms merge exactly.
A cell is at most 1/32 of its value wide and stands for its middle, so a percentile is wrong by at most 1.6 %.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

CELLS = 736
"""The number of cells: from 0 us to 2^27 us (134 s), what is longer falls into the last."""

_LARGEST_US = (1 << 27) - 1
_FINE_BITS = 6
_FINE_CELLS = 32


def cell_of(duration_us: int) -> int:
    """Give the cell of a duration in microseconds."""
    if 0 <= duration_us <= _LARGEST_US:
        shift = duration_us.bit_length() - _FINE_BITS
        return duration_us if shift <= 0 else shift * _FINE_CELLS + (duration_us >> shift)
    return 0 if duration_us < 0 else CELLS - 1


def middle_of(cell: int) -> float:
    """Give the duration in microseconds that a cell stands for."""
    if cell < 2 * _FINE_CELLS:
        return float(cell)
    shift = cell // _FINE_CELLS - 1
    return ((cell - shift * _FINE_CELLS) << shift) + ((1 << shift) - 1) / 2


@dataclass(frozen=True, slots=True)
class Histogram:
    """Hold counts by cell, with the exact sum and the largest value, in microseconds."""

    cells: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    sum_us: int = 0
    max_us: int = 0

    @classmethod
    def of(cls, durations_us: Iterable[int]) -> "Histogram":
        """Count some durations in microseconds."""
        cells: dict[int, int] = {}
        total = largest = 0
        for duration_us in durations_us:
            cell = cell_of(duration_us)
            cells[cell] = cells.get(cell, 0) + 1
            total += duration_us
            largest = max(largest, duration_us)
        return cls(cells, total, largest)

    @property
    def count(self) -> int:
        """Give how many durations it holds."""
        return sum(self.cells.values())

    @property
    def mean_ms(self) -> float:
        """Give the mean in milliseconds, 0 when empty."""
        return self.sum_us / self.count / 1000 if self.cells else 0.0

    def percentile_ms(self, share: float) -> float | None:
        """Give the duration that a share (0..1) of them does not exceed, in milliseconds; None when empty."""
        rank = share * self.count
        seen = 0
        for cell in sorted(self.cells):
            seen += self.cells[cell]
            if seen >= rank:
                return min(middle_of(cell), self.max_us or middle_of(cell)) / 1000
        return None

    def count_within(self, bound_ms: float) -> int:
        """Count the durations of at most a bound in milliseconds; a cell is within where its middle is."""
        return sum(count for cell, count in self.cells.items() if middle_of(cell) <= bound_ms * 1000)

    def merge(self, other: "Histogram") -> "Histogram":
        """Add another, cell by cell."""
        cells = dict(self.cells)
        for cell, count in other.cells.items():
            cells[cell] = cells.get(cell, 0) + count
        return Histogram(cells, self.sum_us + other.sum_us, max(self.max_us, other.max_us))

    def since(self, earlier: "Histogram") -> "Histogram":
        """Give what was added after an earlier state of the same counts; its largest value is its last cell's."""
        cells = {cell: count - earlier.cells.get(cell, 0) for cell, count in self.cells.items()}
        grown = {cell: count for cell, count in cells.items() if count > 0}
        ceiling = min(self.max_us, int(middle_of(max(grown)) * (1 + 1 / _FINE_CELLS)) + 1) if grown else 0
        return Histogram(grown, max(self.sum_us - earlier.sum_us, 0), ceiling)

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON values."""
        cells = [[cell, self.cells[cell]] for cell in sorted(self.cells)]
        return {"cells": cells, "sum_us": self.sum_us, "max_us": self.max_us}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Histogram":
        """Read what `to_dict` wrote."""
        cells = {int(cell): int(count) for cell, count in document["cells"]}
        return cls(cells, int(document["sum_us"]), int(document["max_us"]))
