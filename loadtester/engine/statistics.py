"""Put what was counted into Locust's own statistics, a batch at a time.

The one rule to keep: each request reaches Locust exactly once, so its console, web UI and workers' reports add up.
"""

import time
from array import array
from dataclasses import dataclass, field

from locust.stats import RequestStats, StatsEntry, StatsError

from loadtester.engine.recorder import Entry, Recorder
from loadtester.report.histogram import CELLS, middle_of

_METHOD = "HTTP"
_KEPT_SECONDS = 120


@dataclass(slots=True)
class _Seen:
    cells: "array[int]" = field(default_factory=lambda: array("Q", bytes(8 * CELLS)))
    count: int = 0
    sum_us: int = 0
    failures: int = 0
    received: int = 0


class StatisticsBatch:
    """Remember what Locust has been told, and tell it the rest."""

    def __init__(self, stats: RequestStats) -> None:
        self._stats = stats
        self._seen: dict[str, _Seen] = {}
        self._errors: dict[tuple[str, str], int] = {}

    def flush(self, recorder: Recorder) -> None:
        """Tell Locust what came since the last time."""
        second = int(time.time())
        for entry in recorder.entries:
            seen = self._seen.setdefault(entry.name, _Seen())
            cells = entry.response.cells[:]
            count = sum(cells)
            if count > seen.count:
                self._tell(entry, seen, cells, second)
                seen.cells, seen.count = cells, count
        for name, kind, count in recorder.errors():
            self._tell_error(name, kind, count)
        for item in (self._stats.total, *self._stats.entries.values()):
            _trim(item.num_reqs_per_sec)
            _trim(item.num_fail_per_sec)

    def _tell(self, entry: Entry, seen: _Seen, cells: "array[int]", second: int) -> None:
        grown = {cell: count - seen.cells[cell] for cell, count in enumerate(cells) if count > seen.cells[cell]}
        sum_us, failures, received = entry.response.sum_us, entry.failures, entry.received
        for item in (self._stats.get(entry.name, _METHOD), self._stats.total):
            _add(item, grown, second)
            item.total_response_time += (sum_us - seen.sum_us) // 1000
            item.num_failures += failures - seen.failures
            item.num_fail_per_sec[second] = item.num_fail_per_sec.get(second, 0) + failures - seen.failures
            item.total_content_length += received - seen.received
            item.max_response_time = max(item.max_response_time, entry.response.max_us // 1000)
        seen.sum_us, seen.failures, seen.received = sum_us, failures, received

    def _tell_error(self, name: str, kind: str, count: int) -> None:
        grown = count - self._errors.get((name, kind), 0)
        if grown <= 0:
            return
        self._errors[name, kind] = count
        key = StatsError.create_key(_METHOD, name, kind)
        error = self._stats.errors.setdefault(key, StatsError(_METHOD, name, kind))
        error.occurrences += grown


def _trim(seconds: dict[int, int]) -> None:
    """Forget all but the last minutes of what Locust would keep for each second of a run."""
    if len(seconds) > 2 * _KEPT_SECONDS:
        for second in sorted(seconds)[:-_KEPT_SECONDS]:
            del seconds[second]


def _add(item: StatsEntry, grown: dict[int, int], second: int) -> None:
    count = sum(grown.values())
    item.num_requests += count
    item.num_reqs_per_sec[second] = item.num_reqs_per_sec.get(second, 0) + count
    item.last_request_timestamp = time.time()
    smallest = int(middle_of(min(grown)) / 1000)
    item.min_response_time = smallest if item.min_response_time is None else min(item.min_response_time, smallest)
    for cell, number in grown.items():
        key = _bucket(middle_of(cell) / 1000)
        item.response_times[key] = item.response_times.get(key, 0) + number


def _bucket(milliseconds: float) -> int:
    """Round as Locust does: to 1 ms below 100, to two digits above."""
    digits = 0 if milliseconds < 100 else 3 - len(str(int(milliseconds)))  # noqa: PLR2004 - Locust's own steps
    return int(round(milliseconds, min(digits, 0)))
