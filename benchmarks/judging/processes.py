"""Spread work over processes that die with the benchmark; one process is the benchmark itself."""

import ctypes
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

PR_SET_PDEATHSIG = 1
Given = TypeVar("Given")
Taken = TypeVar("Taken")


def spread(work: Callable[[Given], Taken], items: Iterable[Given], processes: int, chunk: int = 1) -> Iterator[Taken]:
    """Give the results of the items, in their order."""
    if processes == 1:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(processes, initializer=_die_with_parent) as pool:
        yield from pool.map(work, items, chunksize=chunk)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
