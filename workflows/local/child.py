"""Start a process that never outlives its owner, and end it by its pid.

The rule to keep: every child leads a session of its own, is killed by the kernel when the supervisor dies
(PR_SET_PDEATHSIG), and is only ever started from the supervisor's main thread: the signal is tied to the thread.
"""

import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workflows.errors import UnavailableError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Order:
    """Say what to start: the command, its environment, where, and where its words go."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path


class Child:
    """Own one process."""

    def __init__(self, order: Order) -> None:
        try:
            self._process = _start(order)
        except OSError as error:
            raise UnavailableError(f"{order.command[0]}: cannot be started: {error.strerror}") from error

    @property
    def pid(self) -> int:
        """Give the process id, which is also its group's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Give the exit code, negative for a signal, None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all of its own children."""
        signal_group(self.pid, number)

    def wait(self, patience_s: float) -> bool:
        """Wait until it has ended; False when it still runs after the patience."""
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and all of its own children; does nothing when none is left."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def birth(pid: int) -> str:
    """Give a mark of when a process was started, empty when there is none; a pid alone may be another's by now."""
    try:
        # The name, in brackets, may hold blanks; the start time is the 20th field after it (proc_pid_stat(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def gone(pid: int, patience_s: float) -> bool:
    """Wait until a process that is not our child has ended; False when it still runs after the patience."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], patience_s)[0])
    finally:
        os.close(watched)


def _start(order: Order) -> subprocess.Popen[bytes]:
    with order.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the command comes from the user's own Deployment file
            list(order.command),
            cwd=order.folder,
            env=dict(order.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(_leash, os.getpid()),  # noqa: PLW1509 - the supervisor has one thread when it forks
        )


def _leash(parent: int) -> None:  # pragma: no cover - runs between fork and exec, where nothing is measured
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
