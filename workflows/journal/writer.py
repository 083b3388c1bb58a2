"""Keep the journal of one release while it goes on.

The one rule to keep: a release does not fail for want of a journal. What cannot be written is said once; a place that
cannot be written is said before anything moves.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from workflows.errors import ConfigurationError, PenstockError
from workflows.journal import entries, place, reader
from workflows.journal.chain import Chain
from workflows.journal.entries import End, Entry, Full, Head, Origin, PlanChange, Resumed
from workflows.journal.ledger import Ledger
from workflows.records import TickRecord
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import RolloutState

LIMIT_BYTES = 64 * 1024 * 1024
"""A journal that has reached this size takes no more ticks; a tick has about 5 kB."""


@dataclass(frozen=True, slots=True)
class Source:
    """Say which file a plan was read from, and the SHA-256 of its text."""

    file: str
    sha256: str


def note_source(name: str, text: str) -> Source:
    """Take note of a Canary that was read from elsewhere than a file."""
    return Source(name, hashlib.sha256(text.encode()).hexdigest())


def read_source(canary: Path) -> Source:
    """Take note of a Canary file; raises ConfigurationError when it cannot be read."""
    try:
        return Source(canary.name, hashlib.sha256(canary.read_bytes()).hexdigest())
    except OSError as error:
        raise ConfigurationError(f"{canary}: {error.strerror}; name a file with one Canary") from error


@dataclass(slots=True)
class _Open:
    ledger: Ledger
    plan: RolloutPlan
    last: TickRecord
    unrecorded: int = 0


class Journal:
    """Write a journal to a file, from the first tick that is under way to the end.

    A file that holds the same release, unfinished, is gone on with; another one is put aside. `warn` is told when the
    journal has to be given up.
    """

    def __init__(
        self, path: Path, source: Source, key: str, warn: Callable[[str], None], *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        """Raise ConfigurationError for a path that cannot be written, or that holds what is not this canary's."""
        _probe(path, key)
        self._path = path
        self._source = source
        self._warn = warn
        self._limit_bytes = limit_bytes
        self._open: _Open | None = None
        self._over = False
        self.head = ""
        """The hash of the last line that this process wrote, empty before the first."""

    @property
    def path(self) -> Path:
        """Give the file."""
        return self._path

    def keep(self, record: TickRecord) -> None:
        """Keep one tick; on the disk when this returns."""
        if self._over or not (self._open or record.before.under_way or record.decision.state.under_way):
            return
        try:
            self._open = self._open or self._begin(record)
            self._open.last = record
            self._write_tick(self._open, record)
            self.head = self._open.ledger.head
        except (OSError, PenstockError, TypeError, ValueError) as error:
            self._give_up(error)

    def close(self, look: Callable[[], RolloutState]) -> None:
        """Write the end of a release that is over, and give the file up; one that is under way can be resumed.

        `look` tells the release's last state.
        """
        opened, lost = self._open, self._over
        self._open, self._over = None, True
        if opened is None:
            return
        try:
            state = look()
            if not state.under_way and not lost:
                opened.ledger.append(entries.write_entry(End(opened.last.at, state, opened.unrecorded)))
                self.head = opened.ledger.head
        except (OSError, PenstockError) as error:
            self._give_up(error)
        finally:
            opened.ledger.close()

    def _begin(self, record: TickRecord) -> _Open:
        opened = _Open(Ledger(self._path), record.plan, record)
        origin = self._describe_origin(record)
        try:
            if record.before.under_way and _goes_on(opened.ledger.found):
                opened.ledger.resume()
                begun: Entry = Resumed(origin, opened.ledger.found.torn)
            else:
                opened.ledger = _make_room(self._path, opened.ledger)
                begun = Head(origin)
            opened.ledger.append(entries.write_entry(begun))
        except BaseException:
            opened.ledger.close()
            raise
        return opened

    def _describe_origin(self, record: TickRecord) -> Origin:
        return Origin(
            program=metadata.version("penstock"),
            file=self._source.file,
            file_sha256=self._source.sha256,
            owner=record.lease.owner,
            fence=record.lease.fence,
            plan=record.plan,
            rule=entries.name_rule(record.plan),
        )

    def _write_tick(self, opened: _Open, record: TickRecord) -> None:
        if opened.ledger.size >= self._limit_bytes:
            if not opened.unrecorded:
                opened.ledger.append(entries.write_entry(Full(self._limit_bytes)))
                self._warn(f"journal {self._path}: has reached {self._limit_bytes} bytes; further ticks are not kept")
            opened.unrecorded += 1
            return
        if record.plan != opened.plan:
            opened.ledger.append(entries.write_entry(PlanChange(record.plan)))
            opened.plan = record.plan
        opened.ledger.append(entries.write_entry(entries.describe_tick(record)))

    def _give_up(self, error: Exception) -> None:
        self._over = True
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._warn(f"journal {self._path}: {why}; the release goes on without it")


def _goes_on(found: Chain) -> bool:
    whole = found.fault is None or found.fault.torn
    return whole and bool(found.lines) and found.lines[-1].document.get("kind") != "end"


def _make_room(path: Path, book: Ledger) -> Ledger:
    if not book.size:
        return book
    path.rename(place.aside(path))
    fresh = Ledger(path)
    book.close()
    return fresh


def _probe(path: Path, key: str) -> None:
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"journal {path}: is not a file; name a file that can be written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise ConfigurationError(f"journal {path}: {error.strerror}; name a file that can be written") from error
    if path.exists() and path.stat().st_size:
        owner = reader.read(path).key
        if owner not in {key, ""}:
            raise ConfigurationError(f"journal {path}: belongs to {owner}; name another file with --journal")
