"""Tell open pages what happens to runs, and cut their logs into pieces of whole characters."""

import hashlib
from dataclasses import dataclass

from webhooks.live import Event, Glance
from webhooks.routes.texts import show, show_lines
from webhooks.runs import RunService
from webhooks.store.port import LogStore
from webhooks.store.records import Run, RunQuery, RunState

TAIL = 64 * 1024
"""How many bytes of a log a page shows at first, and how far it may fall behind before it skips to the end."""

_SHOWN = 20
_LOOKED_AT = 500
_PIECE = 64 * 1024


def list_under_way(runs: RunService, namespace: str = "") -> tuple[Run, ...]:
    """List the newest runs that are under way, those that run before those that wait, a bounded number of each."""
    limit = _LOOKED_AT if namespace else _SHOWN
    pages = [runs.runs.page(RunQuery(state=state, limit=limit)) for state in (RunState.RUNNING, RunState.QUEUED)]
    chosen = [[run for run in page if namespace in {"", run.order.canary.namespace}] for page in pages]
    return tuple(run for page in chosen for run in page[:_SHOWN])


def _digest(*runs: Run) -> str:
    """Write what pages show of runs; that their owners live, which versions tell, is none of it."""
    shown = [(run.id, run.state.value, run.reason, run.cancel, run.starts) for run in runs]
    return hashlib.sha256(repr(shown).encode("utf-8", "replace")).hexdigest()[:16]


def write_position(run: Run, end: int) -> str:
    """Write where a page stands that shows a run and its log up to a byte."""
    return f"{_digest(run)}.{end}"


@dataclass(frozen=True, slots=True)
class RunsFeed:
    """Tell when the list of runs has changed."""

    runs: RunService

    def look(self, position: str) -> Glance:
        """Look at what is under way and at the newest run."""
        newest = self.runs.runs.page(RunQuery(limit=1))
        now = _digest(*list_under_way(self.runs), *newest)
        return Glance(now, (Event("changed"),) if position not in {"", now} else ())


@dataclass(frozen=True, slots=True)
class RunFeed:
    """Tell what happens to one run; its position says what the page shows and how much of the log it knows."""

    runs: RunService
    logs: LogStore
    id: str

    def look(self, position: str) -> Glance:
        """Give what is new of the log, and say when the run has changed, has ended, or is gone."""
        run = self.runs.runs.find(self.id)
        if run is None:
            return Glance(position, (Event("gone"),), over=True)
        seen, start = _read_position(position)
        size = self.logs.size(self.id)
        piece = Piece.cut(self.logs, self.id, max(start, size - TAIL) if position else max(0, size - TAIL))
        events = []
        if seen not in {"", _digest(run)}:
            events.append(Event("changed", {"say": f"{show(run.order.test)}: {run.state.value}"}))
        if piece.text:
            events.append(Event("log", {"text": piece.text, "skipped": piece.start > start}))
        over = run.state.ended and piece.end >= size
        return Glance(write_position(run, piece.end), tuple(events), over)


@dataclass(frozen=True, slots=True)
class Piece:
    """Carry a part of a log: whole characters from one byte to another."""

    start: int
    end: int
    text: str

    @staticmethod
    def cut(logs: LogStore, run_id: str, start: int) -> "Piece":
        """Read from a byte on, not beyond the last whole character."""
        content = logs.read(run_id, start, _PIECE)
        whole = content[: len(content) - _count_torn(content)]
        return Piece(start, start + len(whole), show_lines(whole.decode("utf-8", "replace")))


def _count_torn(content: bytes) -> int:
    """Count the bytes of a character at the end that is not there as a whole."""
    for back in range(1, min(4, len(content)) + 1):
        first = content[-back]
        if first < 0x80:  # noqa: PLR2004 - UTF-8: one byte is one character
            return 0
        if first >= 0xC0:  # noqa: PLR2004 - UTF-8: a character of several bytes begins
            wanted = 2 + (first >= 0xE0) + (first >= 0xF0)  # noqa: PLR2004 - UTF-8: how many it has
            return back if wanted > back else 0
    return 0


def _read_position(position: str) -> tuple[str, int]:
    shown, _, start = position.partition(".")
    return shown, int(start[:12]) if start.isascii() and start.isdigit() else 0
