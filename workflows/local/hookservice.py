"""Run the webhook service beside a platform, as a process that ends with its owner."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

import requests

from workflows.errors import TemporaryError, UnavailableError
from workflows.local.child import Child, Order

_READY_WITHIN_S = 20.0
_POLL_S = 0.05
_GRACE_S = 10.0
_ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class ServiceOrder:
    """Say how to run the service: its folder, its catalog, and what it reaches where."""

    folder: Path
    catalog: Path
    resolve: Mapping[str, str]


class HookService:
    """Own one `penstock serve`; leaving its context stops it and all it has started."""

    def __init__(self, order: ServiceOrder) -> None:
        self._order = order
        self._log = order.folder / "serve.log"
        self.address = ""

    def __enter__(self) -> Self:
        """Start the service and return once it answers; raises UnavailableError with its last words."""
        self._order.folder.mkdir(parents=True, exist_ok=True)
        self._child = Child(Order(self._command(), dict(os.environ), Path.cwd(), self._log))
        try:
            self._await_address()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the service."""
        self._stop()

    @property
    def pid(self) -> int:
        """Give the process id of the service."""
        return self._child.pid

    @property
    def url(self) -> str:
        """Give where its pages begin."""
        return f"http://{self.address}"

    def is_halted(self, canary: str, gate: str) -> bool:
        """Tell whether somebody has closed a gate of a canary (`namespace/name`); no when that cannot be told."""
        try:
            answer = requests.get(f"{self.url}/api/v1/gates/{canary}/{gate}", timeout=_ANSWER_WITHIN_S)
            return bool(answer.ok) and answer.json()["history"][-1]["state"] == "closed"
        except (requests.RequestException, LookupError, ValueError):
            return False

    def approve(self, canary: str, gate: str, why: str) -> None:
        """Open a gate of a canary (`namespace/name`), as a person would; raises TemporaryError when refused."""
        url = f"http://{self.address}/api/v1/gates/{canary}/{gate}/approve"
        try:
            answer = requests.post(url, json={"who": "penstock demo", "why": why}, timeout=_ANSWER_WITHIN_S)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise TemporaryError(f"{url}: {error}") from error

    def _command(self) -> list[str]:
        resolve = [word for pair in self._order.resolve.items() for word in ("--resolve", "=".join(pair))]
        options = ["--port", "0", "--data-dir", str(self._order.folder), "--catalog", str(self._order.catalog)]
        return [sys.executable, "-m", "workflows", "serve", *options, *resolve]

    def _await_address(self) -> None:
        deadline, file = time.monotonic() + _READY_WITHIN_S, self._order.folder / "address"
        while not (file.exists() and file.read_text().endswith("\n")):
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise UnavailableError(f"the webhook service did not start: {self._last_words()}")
            Event().wait(_POLL_S)
        self.address = file.read_text().strip().removeprefix("http://")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"no word after {_READY_WITHIN_S:g} s"

    def _stop(self) -> None:
        self._child.signal(signal.SIGTERM)
        if not self._child.wait(_GRACE_S):
            self._child.signal(signal.SIGKILL)
            self._child.wait(_GRACE_S)
