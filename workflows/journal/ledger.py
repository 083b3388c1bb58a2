"""Append lines to a journal's file, each on the disk before the call returns.

The one rule to keep: what stands in the file stays as it is. Only a line that was interrupted while it was being
written is taken back, and only by the one who was writing it.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from workflows.journal import chain
from workflows.journal.chain import Mark

MAX_BYTES = 64 * 1024 * 1024
"""A journal takes no more ticks beyond this size; a tick has about 5 kB."""

_END_ROOM = 64 * 1024


class Ledger:
    """Own a journal's file; raises OSError where it cannot be opened or locked."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.found = chain.scan(path.read_bytes())
            _sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            raise
        self._size = os.fstat(self._file).st_size
        self._mark = self.found.mark

    @property
    def empty(self) -> bool:
        """Tell whether nothing has been written yet."""
        return self._size == 0

    @property
    def full(self) -> bool:
        """Tell whether there is no room for another tick."""
        return self._size >= MAX_BYTES - _END_ROOM

    def resume(self) -> None:
        """Make the file end with an end of line, after a crash that kept the last one from being written."""
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            self._write(b"\n", self._mark)
        self._mark = Mark(self._mark.lines + len(self.found.torn), self._mark.hash)

    def append(self, document: Mapping[str, object]) -> None:
        """Seal a line and write it; it is on the disk when this returns, or not in the file when this raises."""
        self._write(*chain.seal(document, self._mark))

    def _write(self, line: bytes, mark: Mark) -> None:
        size, before = self._size, self._mark
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
            self._size, self._mark = size + len(line), mark
        except BaseException:
            # A signal may come at any moment; a line that was not finished must not stand before the next one.
            os.ftruncate(self._file, size)
            self._size, self._mark = size, before
            raise

    def close(self) -> None:
        """Give the file up."""
        os.close(self._file)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
