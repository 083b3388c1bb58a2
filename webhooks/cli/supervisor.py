"""Watch the two processes of the service, web and runner: start again what dies, end both when asked to.

One thread that waits for signals. A child has a session of its own, so that Ctrl+C reaches it through us alone, and
dies with us. A child that keeps dying ends the service instead of being started for ever.
"""

import contextlib
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from webhooks.runs.families import die_with_parent, end_group

_log = logging.getLogger("penstock.serve")
_DEATHS = 5
_DEATHS_WITHIN_S = 60.0
_LOOK_S = 1.0
_GIVEN_UP = 70
_WAITED_FOR = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})


@dataclass(slots=True)
class Watched:
    """Hold one child: what it does, the signal it dies of when we do, how long it may take to stop."""

    name: str
    work: Callable[[], int]
    last: signal.Signals
    grace_s: float
    pid: int = 0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_DEATHS))

    def start(self) -> None:
        """Fork the child."""
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _be_child(self.work, parent, self.last)

    def note_death(self) -> bool:
        """Remember that the child died just now, and tell whether it may be started again."""
        self.pid = 0
        self.deaths.append(time.monotonic())
        return len(self.deaths) < _DEATHS or self.deaths[-1] - self.deaths[0] > _DEATHS_WITHIN_S


def _be_child(work: Callable[[], int], parent: int, last: signal.Signals) -> None:
    status = _GIVEN_UP
    try:
        os.setsid()
        die_with_parent(parent, last)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
        status = work()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else _GIVEN_UP
    except Exception:  # noqa: BLE001 - the edge of a process: whatever it was, it must not run the parent's code
        _log.exception("a process of the service failed")
    finally:
        os._exit(status)


def supervise(children: Sequence[Watched]) -> int:
    """Keep the children alive until SIGTERM or SIGINT, then stop them in their order; gives the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    for child in children:
        child.start()
    try:
        return _watch(children)
    finally:
        for child in children:
            _stop(child)


def _watch(children: Sequence[Watched]) -> int:
    while True:
        happened = signal.sigtimedwait(_WAITED_FOR, _LOOK_S)
        if happened is not None and happened.si_signo != signal.SIGCHLD:
            return 0
        dead = _reap()
        for child in (child for child in children if child.pid in dead):
            if not child.note_death():
                _log.error("the %s died %d times in %.0f s, giving up", child.name, _DEATHS, _DEATHS_WITHIN_S)
                return _GIVEN_UP
            _log.warning("the %s died, starting it again", child.name)
            child.start()


def _reap() -> set[int]:
    """Collect the dead, also orphans that became ours (a container's first process has to)."""
    found: set[int] = set()
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            found.add(pid)
    return found


def _stop(child: Watched) -> None:
    if not child.pid:
        return
    deadline = time.monotonic() + child.grace_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGTERM)
    while not _is_gone(child.pid) and (left_s := deadline - time.monotonic()) > 0:
        happened = signal.sigtimedwait(_WAITED_FOR, min(_LOOK_S, left_s))
        if happened is not None and happened.si_signo != signal.SIGCHLD:
            break  # asked a second time: whoever asks has no more patience
    end_group(child.pid)


def _is_gone(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
