"""Own the child process of one run: start it, take in what it writes, stop it, and end its whole family.

The child has a session and a folder of its own and a clean environment; it dies with the runner.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from webhooks.catalog import CatalogTest, Kind
from webhooks.checks.job import RUN_MARK, Ended, Job, clean_environ
from webhooks.checks.secrets import Mask, MaskedStream
from webhooks.runs.families import die_with_parent, end_group, end_marked, renounce
from webhooks.runs.users import Account
from webhooks.store.records import Run

_OUTPUT_LIMIT = 1024 * 1024
_FRESH_LIMIT = 10 * 1024 * 1024
_CHUNK = 65536
_REAP_S = 5.0
_SPEAKING_TO_US = frozenset({Kind.HTTP, Kind.LOAD})


class Output:
    """Take in what comes through a pipe, secrets hidden, and keep the newest part.

    `fresh` is what nobody has moved on yet. What is `ours` to read, such as a report, is kept as it came: hiding could
    break its form, and whoever reads it hides what it tells.
    """

    def __init__(self, descriptor: int, mask: Mask, *, ours: bool = False) -> None:
        self.descriptor = descriptor
        self.open = True
        self.fresh = bytearray()
        self._stream = MaskedStream(mask)
        self._ours = ours
        self._kept = bytearray()
        os.set_blocking(descriptor, False)

    def take(self) -> bool:
        """Read what is there now, a bounded amount; tells whether there was something."""
        try:
            chunk = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return False
        self.open = bool(chunk)
        self._keep(chunk, self._stream.feed(chunk) if chunk else self._stream.finish())
        return self.open

    def _keep(self, chunk: bytes, hidden: bytes) -> None:
        self._kept += chunk if self._ours else hidden
        if len(self.fresh) < _FRESH_LIMIT:
            self.fresh += hidden
        del self._kept[: max(0, len(self._kept) - _OUTPUT_LIMIT)]

    def drain(self) -> None:
        """Read all that is left of an ended writer, at most what is kept."""
        for _ in range(_OUTPUT_LIMIT // _CHUNK):
            if not self.take():
                break
        self._keep(b"", self._stream.finish())

    @property
    def text(self) -> str:
        """Give what is kept."""
        return self._kept.decode(errors="replace")

    def last_line(self) -> str:
        """Give the newest complete line."""
        end = self._kept.rfind(b"\n")
        start = self._kept.rfind(b"\n", 0, max(end, 0))
        return self._kept[start + 1 : max(end, 0)].decode(errors="replace")


class Child:
    """Hold the child of a run. `overdue_at` is when it has had its time, `kill_at` when its grace is over."""

    def __init__(
        self, run: Run, test: CatalogTest, job: Job, environ: Mapping[str, str], account: Account | None = None
    ) -> None:
        self.run = run
        self.test = test
        self.account = account
        self.attempt = 1
        self.stop_reason = ""
        self.overdue_at = 0.0
        self.kill_at = 0.0
        self.mask = Mask(job.secrets.values())
        self._folder = Path(tempfile.mkdtemp(prefix=_prefix(run.id)))
        try:
            self._process = self._start(job, clean_environ(environ, self._folder, run.id, job.passed_on))
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        stdout, stderr = _number(self._process.stdout), _number(self._process.stderr)
        self.outputs = (Output(stdout, self.mask, ours=test.kind in _SPEAKING_TO_US), Output(stderr, self.mask))

    def _start(self, job: Job, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        for name, text in job.files.items():
            (self._folder / name).write_text(text)
        if self.account is not None:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, self.account.uid, self.account.gid)
        with tempfile.TemporaryFile() as stdin:
            stdin.write(job.stdin.encode())
            stdin.seek(0)
            return subprocess.Popen(  # noqa: S603 - the command is ours, made from the operator's catalog
                job.argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._folder,
                env={**environ, **job.environ, **job.secrets},
                start_new_session=True,
                preexec_fn=partial(_begin, os.getpid(), self.account),  # noqa: PLW1509 - the runner has one thread
                **_become(self.account),
            )

    @property
    def ended(self) -> bool:
        """Tell whether the process has ended."""
        return self._process.poll() is not None

    def stop(self, reason: str) -> None:
        """Ask the process to end."""
        self.stop_reason = reason
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole family now."""
        end_group(self._process.pid)

    def close(self) -> Ended:
        """End whatever is left of the family, and give what the child left; its folder stays until `clear`."""
        self.kill()
        end_marked(f"{RUN_MARK}={self.run.id}")
        status = self._process.wait(_REAP_S)
        for output in self.outputs:
            output.drain()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return Ended(status, self.outputs[0].text, self.outputs[1].text, self._folder)

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _become(account: Account | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _begin(parent: int, account: Account | None) -> None:
    # After the user has changed, which would undo it.
    die_with_parent(parent)
    if account is not None:
        renounce()


def clear_folders(run_id: str) -> None:
    """Remove the folders that a dead runner left of a run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(run_id)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(run_id: str) -> str:
    return f"penstock-run-{run_id}-"


def _number(pipe: object) -> int:
    return pipe.fileno() if hasattr(pipe, "fileno") else -1
