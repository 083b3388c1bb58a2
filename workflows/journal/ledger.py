"""Append lines to a journal's file, each on the disk before the call returns.

The one rule to keep: what stands in the file stays as it is. Only a line that was interrupted while it was being
written is taken back, and only by the one who was writing it.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from workflows.errors import UnavailableError
from workflows.journal import chain
from workflows.journal.chain import Mark


class Ledger:
    """Own a journal's file; raises OSError where it cannot be opened, UnavailableError where another process has it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _lock(self._file)
            self.found = chain.scan(path.read_bytes())
            _sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            raise
        self.size = os.fstat(self._file).st_size
        self._mark = self.found.mark

    @property
    def head(self) -> str:
        """Give the hash of the last line."""
        return self._mark.hash

    def resume(self) -> None:
        """Make the file end with an end of line, after a crash that kept the last one from being written."""
        if self.size and os.pread(self._file, 1, self.size - 1) != b"\n":
            self._write(b"\n", self._mark)
        self._mark = Mark(self._mark.lines + len(self.found.torn), self._mark.hash)

    def append(self, document: Mapping[str, object]) -> None:
        """Seal a line and write it; it is on the disk when this returns, or not in the file when this raises."""
        self._write(*chain.seal(document, self._mark))

    def _write(self, line: bytes, mark: Mark) -> None:
        size, before = self.size, self._mark
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
            self.size, self._mark = size + len(line), mark
        except BaseException:
            # A signal may come at any moment; a line that was not finished must not stand before the next one.
            os.ftruncate(self._file, size)
            self.size, self._mark = size, before
            raise

    def close(self) -> None:
        """Give the file up."""
        os.close(self._file)


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UnavailableError("another process writes it") from error


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
