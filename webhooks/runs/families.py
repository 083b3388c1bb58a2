"""End process families: a child in its own session and everything that came of it.

Every process of a run carries the run's mark in its environment, so that none is forgotten, not even one that left
the group or whose parent died first.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SWEEPS = 20
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, last: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent thread ends; at once if it has ended already."""
    _libc.prctl(_PR_SET_PDEATHSIG, last)
    if os.getppid() != parent:
        os.kill(os.getpid(), last)


def hide() -> None:
    """Keep the environment and memory of this process, and of those it forks, from others of the same user."""
    _libc.prctl(_PR_SET_DUMPABLE, 0)


def renounce() -> None:
    """Never gain rights again, by no program that has more than its caller (sudo)."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def end_group(leader: int) -> None:
    """Kill a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_marked(mark: str) -> None:
    """Kill every process whose environment has the mark (NAME=value); repeated, since the killed may have forked."""
    _end_found(lambda: find_marked(mark))


def end_owned(uid: int) -> None:
    """Kill every process of a user; repeated, as above."""
    _end_found(lambda: find_owned(uid))


def _end_found(find: Callable[[], Iterator[int]]) -> None:
    for _ in range(_SWEEPS):
        found = list(find())
        if not found:
            return
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def find_owned(uid: int) -> Iterator[int]:
    """List the processes that a user runs and that have not ended."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                status = (folder / "status").read_text()
                if f"\nUid:\t{uid}\t" in status and "\nState:\tZ" not in status:
                    yield int(folder.name)


def find_marked(mark: str) -> Iterator[int]:
    """List the processes whose environment has the mark (NAME=value)."""
    wanted = mark.encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)
