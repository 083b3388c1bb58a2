"""Callers of the local platform's service, for tests."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

EXAMPLE = Path(__file__).parents[1] / "examples" / "ad-service"


def deployment(version: str) -> Path:
    return EXAMPLE / f"deployment-{version}.yaml"


@dataclass(frozen=True)
class Reply:
    status: int
    version: str
    cookies: str = ""


def get(address: str, path: str = "/ad", headers: Mapping[str, str] | None = None) -> Reply:
    return replies(address, 1, path, headers)[0]


def versions(address: str, count: int, path: str = "/ad", headers: Mapping[str, str] | None = None) -> Counter[str]:
    return Counter(reply.version for reply in replies(address, count, path, headers))


def replies(address: str, count: int, path: str = "/ad", headers: Mapping[str, str] | None = None) -> list[Reply]:
    caller = Caller(address)
    try:
        return [caller.get(path, headers) for _ in range(count)]
    finally:
        caller.close()


class Caller:
    """One user with one connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = HTTPConnection(host, int(port), timeout=10)

    def get(self, path: str = "/ad", headers: Mapping[str, str] | None = None) -> Reply:
        self._connection.request("GET", path, headers=dict(headers or {}))
        response = self._connection.getresponse()
        body = response.read()
        version = json.loads(body).get("version", "") if response.status == 200 else ""
        return Reply(response.status, version, response.headers.get("set-cookie", ""))

    def close(self) -> None:
        self._connection.close()


@dataclass
class Users:
    """Steady traffic from a few users until the block ends; every answer is kept."""

    address: str
    threads: int = 3
    replies: list[Reply] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._running = [threading.Thread(target=self._run) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._running:
            thread.join(timeout=15)

    @property
    def failures(self) -> list[Reply]:
        return [reply for reply in self.replies if reply.status != 200]

    def met(self, version: str) -> bool:
        return any(reply.version == version for reply in self.replies)

    def _run(self) -> None:
        caller = Caller(self.address)
        while not self._over.wait(0.004):
            try:
                self.replies.append(caller.get())
            except (OSError, HTTPException):
                self.replies.append(Reply(0, ""))
                caller.close()
        caller.close()


def eventually(claim: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait until a claim holds; fail when it does not within the time."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"did not come true within {within_s:g} s"
        threading.Event().wait(0.01)
