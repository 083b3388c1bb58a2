"""What a watch makes of an API server that forgets, stumbles, or has too many namespaces."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from webhooks.access.cluster_api import ClusterApi
from webhooks.access.watching import CanaryWatch
from webhooks.errors import ClusterError
from webhooks.store.records import CanaryName

AD = CanaryName("weather", "ad")
PATIENCE_S = 30.0


def canary(version: int, phase: str = "") -> dict[str, Any]:
    return {"metadata": {"name": "ad", "resourceVersion": str(version)}, "status": {"phase": phase}}


class Forgetful(ClusterApi):
    """Answer each list and watch with the next of a script; then watches go on until the end of the test."""

    def __init__(self, *script: object) -> None:
        super().__init__()
        self.script = list(script)
        self.lists = 0
        self.closing = threading.Event()

    def _next(self) -> object:
        return self.script.pop(0) if self.script else None

    def read(self, _path: str) -> Mapping[str, Any] | None:
        self.lists += 1
        items = self._next()
        if isinstance(items, Exception):
            raise items
        return None if items == "none" else {"metadata": {"resourceVersion": "5"}, "items": items or []}

    def watch(self, _path: str, _query: Mapping[str, str], _seconds: int) -> Iterator[Mapping[str, Any]]:
        events = self._next()
        if isinstance(events, list):
            yield from events
        else:
            self.closing.wait(PATIENCE_S)


class Silent:
    def seen(self, _namespace: str, _at: float) -> None: ...

    def ended(self, _canary: CanaryName, _at: float) -> None: ...


Open = Callable[..., tuple[CanaryWatch, Forgetful]]


@pytest.fixture
def opened() -> Iterator[Open]:
    made: list[tuple[CanaryWatch, Forgetful]] = []

    def make(*script: object) -> tuple[CanaryWatch, Forgetful]:
        api = Forgetful(*script)
        made.append((CanaryWatch(api, time.monotonic, Silent()), api))
        return made[-1]

    yield make
    for watch, api in made:
        watch.close()
        api.closing.set()


def phase(watch: CanaryWatch) -> str | None:
    entry = watch.recall(AD)
    return None if entry is None else entry.phase


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_a_version_that_is_forgotten_is_read_again(opened: Open) -> None:
    watch, api = opened([canary(1, "Waiting")], [{"type": "ERROR", "object": {"code": 410}}], [canary(9, "Failed")])
    watch.follow("weather")

    eventually(lambda: phase(watch) == "Failed")
    assert api.lists == 2


def test_changes_are_followed_in_their_order(opened: Open) -> None:
    steps = [
        ("MODIFIED", canary(6, "Waiting")),
        ("DELETED", canary(7)),
        ("BOOKMARK", {}),
        ("ADDED", canary(8, "Failed")),
    ]
    watch, api = opened([canary(1)], [{"type": kind, "object": document} for kind, document in steps])
    watch.follow("weather")

    eventually(lambda: phase(watch) == "Failed")
    assert api.lists == 1


def test_a_cluster_that_stumbles_is_asked_again(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    watch, _ = opened(ClusterError("away"), [canary(1, "Waiting")])
    watch.follow("weather")

    eventually(lambda: phase(watch) == "Waiting")
    assert "canaries of weather are not watched, trying again: away" in caplog.text


def test_a_cluster_that_knows_no_canaries_is_asked_again_in_a_while(opened: Open) -> None:
    watch, api = opened("none", [canary(1, "Waiting")])
    for _ in range(2):
        watch.follow("weather")

    eventually(lambda: phase(watch) == "Waiting")
    assert api.lists == 2


def test_no_more_namespaces_are_watched_than_is_good(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.access.watching.MOST_NAMESPACES", 2)
    watch, api = opened()
    for name in ("one", "two", "three"):
        watch.follow(name)

    eventually(lambda: api.lists == 2)
    assert watch.recall(CanaryName("three", "ad")) is None
