"""A real `penstock serve` in processes of its own, and what the tests do to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 40.0
ROOT = Path(__file__).parents[2]


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"not in time: {what}"
        threading.Event().wait(0.02)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "webhooks", *arguments]


@dataclass
class Served:
    process: subprocess.Popen[str]
    url: str
    data_dir: Path

    def post(self, path: str, body: object = None, *, timeout_s: float = PATIENCE_S) -> tuple[int, str]:
        data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=timeout_s) as answer:  # noqa: S310 - loopback
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode().strip()

    def hook(self, name: str, *, checksum: str = "r2", phase: str = "Progressing", **metadata: str) -> tuple[int, str]:
        payload = {"name": "ad", "namespace": "weather", "phase": phase, "checksum": checksum, "metadata": metadata}
        return self.post(f"/hooks/{name}", payload)

    @property
    def children(self) -> list[int]:
        """List the processes that serve started: the web server and the runner."""
        return children_of(self.process.pid)

    @property
    def runner(self) -> int:
        """Give the runner's id, 0 while there is none."""
        return next((pid for pid in self.children if b"webhooks.runs" in command_of(pid)), 0)

    @property
    def web(self) -> int:
        """Give the web server's id, 0 while there is none."""
        return next((pid for pid in self.children if b"webhooks.runs" not in command_of(pid)), 0)

    def find_runner(self) -> int:
        """Give the runner's id once there is one."""
        found: list[int] = []
        eventually(lambda: (found.append(self.runner) or found[-1]) > 1, "a runner")
        return found[-1]

    def family(self) -> list[int]:
        """List serve and everything below it."""
        found = [self.process.pid]
        for pid in found:
            found += children_of(pid)
        return found

    def settle(self) -> "Served":
        """Wait until every part has started."""
        eventually(lambda: len(self.children) == 2 and len(children_of(self.web)) == 1, "a web worker and a runner")
        eventually(lambda: self.post("/healthz") == (200, "OK"), "an answer")
        return self

    def accepts(self) -> bool:
        """Tell whether a new connection would be answered."""
        try:
            return self.post("/healthz", timeout_s=0.2) == (200, "OK")
        except OSError:
            return False

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def children_of(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def serving(data_dir: Path, *flags: str) -> Iterator[Served]:
    """Serve until the end of the block; whatever is left then is killed by its id."""
    asked = command("serve", "--port", "0", "--data-dir", str(data_dir), *flags)
    with (data_dir.parent / "serve.log").open("a") as log:
        process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    served = Served(process, line.removeprefix("listening at ").strip(), data_dir)
    try:
        yield served
    finally:
        family = served.family()
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        for pid in filter(alive, family):
            os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        process.stdout.close()
