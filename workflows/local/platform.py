"""Start, ask and stop a platform from outside: what the command line and the demo are made of.

The rule to keep: the supervisor is a process of its own and the parent of all others; whoever starts it may go.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from workflows.errors import ConfigurationError, PenstockError, UnavailableError
from workflows.local import child, envoy, folder, leftovers, prometheus
from workflows.local.folder import Addresses, Book
from workflows.workloads import deployment, process_folder

READY_WITHIN_S = 30.0
"""How long a service may take to answer for the first time."""

STOPPED_WITHIN_S = 30.0
"""How long a platform may take to stop; it bounds its own steps more tightly."""

_POLL_S = 0.02
_CONFIGURATION = 78


@dataclass(frozen=True, slots=True)
class Start:
    """Say how to start a platform; an `owned` one stops when the process that started it ends, however it ends."""

    deployment: Path
    port: int = 0
    prometheus: str = ""
    owned: bool = False
    ready_within_s: float = READY_WITHIN_S


class LocalPlatform:
    """Hold a running platform; leaving its context stops it."""

    def __init__(self, directory: Path, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.directory = directory
        self._process = process

    def __enter__(self) -> Self:
        """Use the platform."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the platform."""
        self.stop()

    @property
    def book(self) -> Book:
        """Read what is to know of the platform."""
        return folder.read_book(self.directory)

    @property
    def addresses(self) -> Addresses:
        """Give the three addresses, which never change."""
        return self.book.addresses

    def apply(self, file: Path) -> str:
        """Ask for another Deployment, as `kubectl apply` does, and give its revision."""
        return apply(self.directory, file)

    def stop(self) -> None:
        """Send the traffic home and stop everything; does nothing when nothing runs."""
        stop(self.directory)
        if self._process:
            _reap(self._process)


def start(directory: Path, wishes: Start) -> LocalPlatform:
    """Start a platform and return once its service answers; raises PenstockError with the supervisor's own words."""
    directory = directory.resolve()
    envoy.binary()
    deployment.load(wishes.deployment)
    if wishes.prometheus:
        prometheus.binary(os.environ)
    directory.mkdir(parents=True, exist_ok=True)
    process = _spawn(directory, wishes)
    try:
        _await_ready(directory, process, wishes)
    except BaseException:
        _abandon(process)
        raise
    return LocalPlatform(directory, process)


def apply(directory: Path, file: Path) -> str:
    """Ask a running platform for another Deployment and give its revision."""
    book = running(directory)
    wanted = deployment.load(file)
    if (wanted.name, wanted.namespace) != (book.name, book.namespace):
        raise ConfigurationError(
            f"{file}: Deployment {wanted.namespace}/{wanted.name}, this platform runs {book.namespace}/{book.name}; "
            f"start another platform with another --dir"
        )
    return process_folder.apply(directory.resolve(), wanted).target.template.revision


def running(directory: Path) -> Book:
    """Give the address book of a platform whose supervisor lives; raises UnavailableError when it does not."""
    book = folder.read_book(directory)
    if child.birth(book.pid) != book.born:
        raise UnavailableError(
            f"{directory}: supervisor {book.pid} is gone{_last_words(directory)}; start the platform with "
            f"`penstock local up`"
        )
    return book


def stop(directory: Path, patience_s: float = STOPPED_WITHIN_S) -> bool:
    """Stop a platform and tell whether one ran; what a killed supervisor left is ended, too."""
    try:
        book = running(directory)
    except UnavailableError:
        leftovers.clear(directory)
        return False
    os.kill(book.pid, signal.SIGTERM)
    if not child.gone(book.pid, patience_s):
        # The kernel ends the children of a supervisor that dies.
        os.kill(book.pid, signal.SIGKILL)
        child.gone(book.pid, patience_s)
        leftovers.clear(directory)
    return True


def command(directory: Path, wishes: Start) -> Sequence[str]:
    """Give the command that runs a platform's supervisor in front."""
    flags = ["--dir", str(directory), "--deployment", str(wishes.deployment.resolve()), "--port", str(wishes.port)]
    if wishes.prometheus:
        flags += ["--prometheus", wishes.prometheus]
    owned = ["--with-stdin"] if wishes.owned else []
    return (sys.executable, "-m", "workflows", "local", "up", "--foreground", *flags, *owned)


def _spawn(directory: Path, wishes: Start) -> "subprocess.Popen[bytes]":
    with folder.log_file(directory).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            list(command(directory, wishes)),
            stdin=subprocess.PIPE if wishes.owned else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_ready(directory: Path, process: "subprocess.Popen[bytes]", wishes: Start) -> None:
    deadline = time.monotonic() + wishes.ready_within_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            words = _last_words(directory, " ") or f"the supervisor ended with exit code {process.returncode}"
            raise (ConfigurationError if process.returncode == _CONFIGURATION else UnavailableError)(words.strip())
        if _is_ready(directory, process.pid):
            return
        Event().wait(_POLL_S)
    raise UnavailableError(
        f"{wishes.deployment}: the service did not answer within {wishes.ready_within_s:g} s; {_why(directory)}; "
        f"see {directory / 'logs'}"
    )


def _is_ready(directory: Path, pid: int) -> bool:
    try:
        book = folder.read_book(directory)
    except PenstockError:
        return False
    return book.ready and book.pid == pid


def _why(directory: Path) -> str:
    try:
        return process_folder.read_sighting(directory).primary.reason or "no process of it became ready"
    except PenstockError as error:
        return str(error)


def _abandon(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
    _reap(process)


def _reap(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin:
        process.stdin.close()
    process.wait(STOPPED_WITHIN_S)


def _last_words(directory: Path, before: str = "; its last words: ") -> str:
    file = folder.log_file(directory)
    lines = file.read_text(errors="replace").split("penstock: ")[1:] if file.exists() else []
    return before + " ".join(lines[-1].split()) if lines else ""
