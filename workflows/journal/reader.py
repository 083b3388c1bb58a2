"""Read a journal's file: its lines as values, up to the first that is not right."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflows.errors import ConfigurationError
from workflows.journal import chain, entries
from workflows.journal.chain import Fault
from workflows.journal.codec import DocumentError
from workflows.journal.entries import End, Entry, Head, Origin, PlanChange, Resumed, TickEntry
from workflows.rollout.plan import RolloutPlan

_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Noted:
    """Hold an entry and the number of its line."""

    line: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class PlannedTick:
    """Hold a tick, the number of its line, and the plan it was decided by."""

    line: int
    tick: TickEntry
    plan: RolloutPlan


@dataclass(frozen=True, slots=True)
class JournalFile:
    """Hold what a file says, up to its first fault; `healed` are unfinished lines that a resumed run answers for."""

    path: Path
    notes: tuple[Noted, ...]
    fault: Fault | None
    healed: tuple[int, ...]

    @property
    def origins(self) -> tuple[Origin, ...]:
        """List what each run of the release began with."""
        return tuple(note.entry.origin for note in self.notes if isinstance(note.entry, Head | Resumed))

    @property
    def key(self) -> str:
        """Name the canary; empty when not even the first line can be read."""
        return self.origins[0].plan.key if self.origins else ""

    @property
    def end(self) -> End | None:
        """Give how the release ended, None when the record stops before."""
        last = self.notes[-1].entry if self.notes else None
        return last if isinstance(last, End) else None

    def ticks(self) -> Iterator[PlannedTick]:
        """Give every tick with the plan in force."""
        plan = self.origins[0].plan if self.origins else None
        for note in self.notes:
            match note.entry:
                case Head(origin) | Resumed(origin):
                    plan = origin.plan
                case PlanChange(changed):
                    plan = changed
                case TickEntry() as tick if plan:
                    yield PlannedTick(note.line, tick, plan)
                case _:
                    continue


def read(path: Path) -> JournalFile:
    """Read a journal; raises ConfigurationError for a file that is none or cannot be read."""
    data = _read_bytes(path)
    if not _looks_like_one(data):
        raise ConfigurationError(f"{path}: not a journal; `penstock run --journal FILE` leaves one")
    found = chain.scan(data)
    notes: list[Noted] = []
    for line in found.lines:
        try:
            entry = entries.read_entry(line)
            _check_place(notes, entry)
            notes.append(Noted(line.number, entry))
        except DocumentError as error:
            return JournalFile(path, tuple(notes), Fault(line.number, str(error)), found.healed)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
    return JournalFile(path, tuple(notes), found.fault, found.healed)


def _check_place(before: list[Noted], entry: Entry) -> None:
    if isinstance(entry, Head) is bool(before):
        raise DocumentError("kind: the first line, and no other, is the head")
    if before and isinstance(before[-1].entry, End):
        raise DocumentError("kind: a line stands after the end")


def _looks_like_one(data: bytes) -> bool:
    first = data.split(b"\n", 1)[0]
    return b'"kind":"head"' in first or chain.sealed(first)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{path}: not a file; name a journal")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise ConfigurationError(f"{path}: larger than any journal ({_MOST_BYTES} bytes)")
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a journal that can be read") from error
