"""Wake the runner: a FIFO beside the store into which whoever has work for it writes one byte.

A lost ring costs nothing but time: the runner looks by itself as well.
"""

import contextlib
import os
from pathlib import Path

_FOLDED = 4096


class Bell:
    """Ring or listen at a FIFO, which is made when missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)

    def ring(self) -> None:
        """Wake the listener if there is one."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b"!")
            finally:
                os.close(descriptor)

    def listen(self) -> int:
        """Give a descriptor that is readable when the bell was rung."""
        # Open for writing too, so that the FIFO never reports its end when a ringer leaves.
        return os.open(self._path, os.O_RDWR | os.O_NONBLOCK)


def hush(descriptor: int) -> None:
    """Take all rings off a descriptor."""
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, _FOLDED)
