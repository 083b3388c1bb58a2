"""Kills at random moments: of a web worker, the web server, the runner and the whole service, with calls under way.

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
from http.client import HTTPException
from pathlib import Path

from tests.webhooks.served import PATIENCE_S, Served, alive, children_of, serving
from webhooks.runs.families import find_marked
from webhooks.store.records import UNDER_WAY, RunQuery, RunState
from webhooks.store.sql import SqlStore, locate

KILLS = int(os.environ.get("PENSTOCK_KILLS", "4"))
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
VICTIMS: list[Callable[[Served], list[int]]] = [
    lambda served: children_of(served.web)[:1] if served.web else [],
    lambda served: [served.web],
    lambda served: [served.runner],
    lambda served: [served.process.pid],
]


def ask_until(stop: threading.Event, served: Served, numbers: list[int]) -> None:
    """Call hooks one after another, each a new run, whatever is being killed."""
    while not stop.is_set():
        numbers[0] += 1
        with contextlib.suppress(OSError, HTTPException, ValueError):
            served.hook("pre-rollout", test="walk", n=str(numbers[0]), wait="1ms")
        stop.wait(0.5)


def kill_while_asked(served: Served, chance: random.Random, numbers: list[int], kills: int) -> int:
    """Kill at random until the service itself is gone or no kill is left; gives how many are left."""
    stop = threading.Event()
    caller = threading.Thread(target=ask_until, args=(stop, served, numbers))
    caller.start()
    while kills and served.process.poll() is None:
        stop.wait(chance.uniform(0.05, 0.6))
        for victim in filter(lambda pid: pid > 1, chance.choice(VICTIMS)(served)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            kills -= 1
    stop.set()
    caller.join(PATIENCE_S)
    return kills


def read_counts(folder: Path) -> Counter[str]:
    place = folder / "begun"
    return Counter(place.read_text().split() if place.exists() else [])


def kill_services(folder: Path, flags: list[str]) -> set[int]:
    """Kill until no kill is left, starting the service anew as a platform would; gives all of its processes."""
    chance, numbers, kills = random.Random(20), [0], KILLS
    families: set[int] = set()
    deadline = time.monotonic() + 60 + 5 * KILLS
    while kills:
        assert time.monotonic() < deadline, f"{kills} kills are left"
        with serving(folder / "data", *flags) as served:
            families |= set(served.settle().family())
            served.post("/gate/open", {"name": "ad", "namespace": "weather"})
            kills = kill_while_asked(served, chance, numbers, kills)
            families |= set(served.family())
    return families


def await_ends(store: SqlStore) -> None:
    """Wait until every run has ended, longer after many kills."""
    deadline = time.monotonic() + PATIENCE_S + 2 * KILLS
    while store.runs.select(UNDER_WAY):
        assert time.monotonic() < deadline, "not every run ended in time"
        threading.Event().wait(0.2)


def test_kills_at_random_moments_lose_no_run_and_run_none_twice_at_once(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "test_walk.py").write_text(SUITE)
    flags = ["--catalog", str(tmp_path / "catalog.yaml")]

    families = kill_services(tmp_path, flags)
    store = SqlStore(locate("", tmp_path / "data"))
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
