"""Kills at random moments: of a web worker, the web server, the runner, the whole service and, where the store is
PostgreSQL, of every connection to it, with calls under way.

PENSTOCK_KILLS says how many; a few by default. Each run proves that it is alone by a lock, and writes when it begins.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.webhooks.postgres import Cluster
from tests.webhooks.served import PATIENCE_S, Served, alive, children_of, serving
from webhooks.runs.families import find_marked
from webhooks.store.records import UNDER_WAY, RunQuery, RunState
from webhooks.store.sql import SqlStore, locate

KILLS = int(os.environ.get("PENSTOCK_KILLS", "3"))
SEED = 20
CATALOG = "tests: {walk: {kind: pytest, path: test_walk.py, parameters: {n: {}}}}"
SUITE = """
import fcntl, os, pathlib, threading
HERE = pathlib.Path(__file__).parent

def test_walk():
    run = os.environ["PENSTOCK_RUN"]
    with (HERE / f"lock-{run}").open("w") as lock, (HERE / "begun").open("a") as begun:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        begun.write(run + "\\n")
        begun.flush()
        threading.Event().wait(0.2)
"""
Kill = Callable[[Served], int]


def end(pids: list[int]) -> int:
    """Kill processes and give how many."""
    found = [pid for pid in pids if pid > 1]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


KILLERS: list[Kill] = [
    lambda served: end(children_of(served.web)[:1] if served.web else []),
    lambda served: end([served.web]),
    lambda served: end([served.runner]),
    lambda served: end([served.process.pid]),
]


@dataclass
class Place:
    """Say where a store is, and how it is killed besides its service."""

    store: str = ""
    killers: list[Kill] = field(default_factory=lambda: [*KILLERS])


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "sqlite":
        return Place()
    cluster: Cluster = request.getfixturevalue("cluster")
    return Place(cluster.make_database(), [*KILLERS, lambda _: min(1, cluster.cut_connections())])


def ask_until(stop: threading.Event, served: Served, numbers: list[int]) -> None:
    """Call hooks one after another, each a new run, whatever is being killed."""
    while not stop.is_set():
        numbers[0] += 1
        with contextlib.suppress(OSError, HTTPException, ValueError):
            served.hook("pre-rollout", test="walk", n=str(numbers[0]), wait="1ms")
        stop.wait(0.5)


@dataclass
class Chance:
    """Choose when and what to kill; `kills` are left."""

    killers: list[Kill]
    numbers: random.Random = field(default_factory=lambda: random.Random(SEED))
    kills: int = KILLS

    def strike(self, served: Served) -> None:
        self.kills -= self.numbers.choice(self.killers)(served)


def kill_while_asked(served: Served, chance: Chance, numbers: list[int]) -> None:
    """Kill at random until the service itself is gone or no kill is left."""
    stop = threading.Event()
    caller = threading.Thread(target=ask_until, args=(stop, served, numbers))
    caller.start()
    while chance.kills and served.process.poll() is None:
        stop.wait(chance.numbers.uniform(0.05, 0.6))
        chance.strike(served)
    stop.set()
    caller.join(PATIENCE_S)


def read_counts(folder: Path) -> Counter[str]:
    place = folder / "begun"
    return Counter(place.read_text().split() if place.exists() else [])


def kill_services(folder: Path, flags: list[str], killers: list[Kill]) -> set[int]:
    """Kill until no kill is left, starting the service anew as a platform would; gives all of its processes."""
    chance, numbers = Chance(killers), [0]
    families: set[int] = set()
    deadline = time.monotonic() + 60 + 5 * KILLS
    while chance.kills:
        assert time.monotonic() < deadline, f"{chance.kills} kills are left"
        with serving(folder / "data", *flags) as served:
            families |= set(served.settle().family())
            served.post("/gate/open", {"name": "ad", "namespace": "weather"})
            kill_while_asked(served, chance, numbers)
            families |= set(served.family())
    return families


def await_ends(store: SqlStore) -> None:
    """Wait until every run has ended, longer after many kills."""
    deadline = time.monotonic() + PATIENCE_S + 2 * KILLS
    while store.runs.select(UNDER_WAY):
        assert time.monotonic() < deadline, "not every run ended in time"
        threading.Event().wait(0.2)


def test_kills_at_random_moments_lose_no_run_and_run_none_twice_at_once(tmp_path: Path, place: Place) -> None:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "test_walk.py").write_text(SUITE)
    flags = ["--catalog", str(tmp_path / "catalog.yaml"), *(["--store", place.store] if place.store else [])]

    families = kill_services(tmp_path, flags, place.killers)
    store = SqlStore(locate(place.store, tmp_path / "data"))
    with serving(tmp_path / "data", *flags) as served:
        served.settle()
        await_ends(store)
        gate = served.hook("confirm-promotion")
    runs = store.runs.page(RunQuery(limit=10_000))
    store.close()

    begun = read_counts(tmp_path)
    assert (gate[0], bool(runs)) == (200, True)
    assert {run.state for run in runs} <= {RunState.PASSED, RunState.LOST}
    assert all(run.starts == 2 for run in runs if run.state is RunState.LOST)
    assert all(begun[run.id] for run in runs if run.state is RunState.PASSED)
    assert not any(map(alive, families))
    assert not [pid for run in runs for pid in find_marked(f"PENSTOCK_RUN={run.id}")]
