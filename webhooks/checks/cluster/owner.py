"""Own one Kubernetes Job: create or adopt it, pass its log on, end with its exit status, and delete it.

A SIGTERM deletes the Job. A SIGKILL leaves it to the next owner of the run, or to its own deadline.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from webhooks.checks.cluster.api import JobApi, Pod
from webhooks.checks.cluster.manifest import name_of, write_manifest
from webhooks.checks.cluster.orders import TROUBLE
from webhooks.checks.inside import RESULT_MARK
from webhooks.checks.job import RUN_MARK
from webhooks.errors import ClusterError

_LOOK_S = 0.5
_SETTLE_S = 15.0
_HOPELESS = frozenset({"CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName"})
_UNAVAILABLE = 69
_DELETIONS = 2


class Owner:
    """Hold the Job of one run until a deadline."""

    def __init__(self, api: JobApi, name: str, timeout_s: float) -> None:
        self._api = api
        self._name = name
        self._deadline = time.monotonic() + timeout_s
        self._pause = Event()
        self._shown = 0

    def follow(self) -> int:
        """Pass the log on until the container has ended, and give its exit status."""
        for pod in self._looks():
            if pod.started:
                self._pass_on_log(pod)
            found = self._api.find_pod(self._name)
            if found is not None and found.status is not None:
                return found.status
        raise ClusterError(f"job {self._name} did not end within its time")

    def _looks(self) -> Iterator[Pod]:
        while time.monotonic() < self._deadline + _SETTLE_S:
            pod = self._api.find_pod(self._name)
            if pod is not None:
                if pod.waiting.partition(":")[0] in _HOPELESS:
                    raise ClusterError(f"its container cannot start ({pod.waiting})")
                yield pod
            failure = self._api.failure(self._name)
            if failure:
                waiting = f"; the container was waiting ({pod.waiting})" if pod is not None and pod.waiting else ""
                raise ClusterError(f"job {self._name} failed: {failure}{waiting}")
            self._pause.wait(_LOOK_S)

    def _pass_on_log(self, pod: Pod) -> None:
        """Write what the log has beyond what was written before: a broken stream begins again at the start."""
        writer, skip = LogWriter(sys.stdout.buffer), self._shown
        for piece in self._api.follow_log(pod.name, max(1.0, self._deadline + _SETTLE_S - time.monotonic())):
            fresh = piece[skip:]
            skip -= len(piece) - len(fresh)
            self._shown += len(fresh)
            writer.write(fresh)
        writer.close()


class LogWriter:
    """Pass lines on, but turn the line in which our image hands over files into files."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._rest = b""

    def write(self, piece: bytes) -> None:
        """Take in a piece of the log."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._put(line + b"\n")

    def close(self) -> None:
        """Pass on what is left of a last line."""
        if self._rest:
            self._put(self._rest)
        self._rest = b""

    def _put(self, line: bytes) -> None:
        if line.startswith(RESULT_MARK.encode()):
            for name, text in json.loads(line.removeprefix(RESULT_MARK.encode()))["files"].items():
                Path(Path(name).name).write_text(text)
            return
        self._stream.write(line)
        self._stream.flush()


def main() -> int:
    """Run the Job that stdin describes and end with its exit status."""
    signal.signal(signal.SIGTERM, _leave)
    order: dict[str, Any] = json.loads(sys.stdin.read())
    run_id = os.environ[RUN_MARK]
    try:
        api = JobApi(order["namespace"])
        try:
            # Inside, since a SIGTERM may come while the answer to this is on its way.
            api.create(write_manifest(order, run_id))
            return Owner(api, name_of(run_id), order["timeout_s"]).follow()
        finally:
            _delete(api, name_of(run_id))
    except (ClusterError, ValueError, LookupError) as error:
        Path(TROUBLE).write_text(str(error))
        print(error, file=sys.stderr)  # noqa: T201 - the log of the run
        return _UNAVAILABLE


def _delete(api: JobApi, name: str) -> None:
    fault = ""
    for _ in range(_DELETIONS):
        # Again, since the call that a SIGTERM broke off may have left its connection in the middle of an answer.
        try:
            api.delete(name)
        except ClusterError as error:
            fault = f"{error}; its own deadline ends it"
        else:
            return
    print(fault, file=sys.stderr)  # noqa: T201 - the log of the run


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_UNAVAILABLE)
