"""Count requests in fixed arrays, so that a run's memory is settled at its start whatever its length.

One writer at a time: the driver's thread for a declarative plan, the hub for users' own files. A reader may look at
any moment: failures are counted after the request they belong to, so a snapshot never shows more of them than requests.
"""

import re
from array import array
from collections.abc import Iterator, Sequence

from loadtester.plan import Limits
from loadtester.report import ErrorCount, Health, Histogram, LoadReport, NameReport
from loadtester.report.histogram import CELLS, cell_of

OTHER = "(other)"
"""The name that takes what comes after the last name the limits allow."""

_MESSAGE_LENGTH = 160
_KNOWN_NAMES = 4096
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"(?<=[/=:,])\d+(?=[/?&,.;:#]|\Z)")
_HEX = re.compile(r"(?<=[/=])(?=[0-9a-f]*\d)[0-9a-f]{16,}(?=[/?&]|\Z)")


def fold_name(name: str) -> str:
    """Replace what makes each URL another one: UUIDs, long hex strings and whole numbers."""
    return _NUMBER.sub("{n}", _HEX.sub("{hex}", _UUID.sub("{uuid}", name)))


class Tally:
    """Count durations, as a Histogram does, in place."""

    __slots__ = ("cells", "max_us", "sum_us")

    def __init__(self) -> None:
        self.cells = array("Q", bytes(8 * CELLS))
        self.sum_us = 0
        self.max_us = 0

    def add(self, duration_us: int) -> None:
        """Count one duration in microseconds."""
        self.cells[cell_of(duration_us)] += 1
        self.sum_us += duration_us
        self.max_us = max(self.max_us, duration_us)

    def histogram(self) -> Histogram:
        """Give the state of this moment."""
        return Histogram({cell: count for cell, count in enumerate(self.cells) if count}, self.sum_us, self.max_us)


class Entry:
    """Count what happens under one name."""

    __slots__ = ("checks_failed", "checks_passed", "failures", "name", "received", "response", "service", "statuses")

    def __init__(self, name: str) -> None:
        self.name = name
        self.response = Tally()
        self.service = Tally()
        self.failures = 0
        self.received = 0
        self.checks_passed = 0
        self.checks_failed = 0
        self.statuses: dict[int, int] = {}

    def record(self, response_us: int, service_us: int, status: int, size: int) -> None:
        """Count one ended request; the hottest function of all, hence `Tally.add` written out twice."""
        cell = cell_of(response_us)
        tally = self.response
        tally.cells[cell] += 1
        tally.sum_us += response_us
        tally.max_us = max(tally.max_us, response_us)
        tally = self.service
        tally.cells[cell if service_us == response_us else cell_of(service_us)] += 1
        tally.sum_us += service_us
        tally.max_us = max(tally.max_us, service_us)
        self.received += size
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def report(self) -> NameReport:
        """Give the state of this moment."""
        failures = self.failures
        return NameReport(
            self.response.histogram(),
            self.service.histogram(),
            failures,
            self.received,
            self.checks_passed,
            self.checks_failed,
            {str(status): count for status, count in sorted(self.statuses.items()) if status},
        )


class Recorder:
    """Keep an entry for each name and a count for each class of error, neither more than the limits allow."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries: dict[str, Entry] = {}
        self._known: dict[str, Entry] = {}
        self._errors: dict[tuple[str, str], list[str | int]] = {}
        self.lag = Tally()
        self.dropped = 0
        self.interrupted = 0
        self.script_errors = 0

    @property
    def entries(self) -> Sequence[Entry]:
        """Give the entries there are."""
        return tuple(self._entries.values())

    def entry(self, name: str) -> Entry:
        """Give the entry of a name exactly as it is said; past the limit that of all others."""
        entry = self._entries.get(name)
        if entry is None:
            if len(self._entries) >= self._limits.names:
                name = OTHER
            entry = self._entries.setdefault(name, Entry(name))
        return entry

    def folded_entry(self, name: str) -> Entry:
        """Give the entry of a URL, folded so that numbers in it do not make new names."""
        entry = self._known.get(name)
        if entry is None:
            if len(self._known) >= _KNOWN_NAMES:
                self._known.clear()
            entry = self._known[name] = self.entry(fold_name(name))
        return entry

    def fail(self, entry: Entry, kind: str, message: str) -> None:
        """Count one failure; what is past the limit of classes counts as one class."""
        entry.failures += 1
        self.note(entry.name, kind, message)

    def note(self, name: str, kind: str, message: str) -> None:
        """Count one error that is no request's failure."""
        key = (name, kind)
        known = self._errors.get(key)
        if known is None:
            if len(self._errors) >= self._limits.errors:
                key, message = (OTHER, "other"), "more classes of errors than the limit allows"
            known = self._errors.setdefault(key, [message[:_MESSAGE_LENGTH], 0])
        known[1] = int(known[1]) + 1

    def errors(self) -> Iterator[tuple[str, str, int]]:
        """Give each class of error there is, by name and kind, with its count."""
        for (name, kind), (_, count) in tuple(self._errors.items()):
            yield name, kind, int(count)

    def snapshot(self, elapsed_s: float, scheduled: int, health: Health) -> LoadReport:
        """Give the report of this moment."""
        errors = tuple(
            ErrorCount(name, kind, str(message), int(count))
            for (name, kind), (message, count) in tuple(self._errors.items())
        )
        names = {entry.name: entry.report() for entry in self.entries}
        lag = self.lag.histogram()
        return LoadReport(elapsed_s, names, errors, scheduled, self.dropped, self.interrupted, lag, health)
