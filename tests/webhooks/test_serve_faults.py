"""Each process of the service killed in the middle of its work: nothing is lost, run twice, or left running."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.served import PATIENCE_S, Served, alive, children_of, eventually, serving
from webhooks.runs.families import find_marked
from webhooks.store.records import RunState
from webhooks.store.sql import SqlStore, locate

CATALOG = """
tests:
  slow: {kind: pytest, path: test_slow.py}
"""
SUITE = """
import pathlib, subprocess, threading
HERE = pathlib.Path(__file__).parent

def test_slow():
    with (HERE / "started").open("a") as file:
        file.write("x")
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    for _ in range(6000):
        if (HERE / "go").exists():
            return
        threading.Event().wait(0.01)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "test_slow.py").write_text(SUITE)
    return tmp_path


def flags(folder: Path) -> list[str]:
    return ["--catalog", str(folder / "catalog.yaml")]


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with serving(folder / "data", *flags(folder)) as made:
        yield made.settle()


def starts(folder: Path) -> int:
    place = folder / "started"
    return len(place.read_text()) if place.exists() else 0


def start_slow_test(served: Served, folder: Path) -> str:
    """Have the slow test under way, and give the mark of its processes."""
    served.hook("pre-rollout", test="slow", wait="10ms")
    eventually(lambda: starts(folder) == 1, "the test to start")
    store = SqlStore(locate("", served.data_dir))
    (run,) = store.runs.select({RunState.RUNNING})
    store.close()
    return f"PENSTOCK_RUN={run.id}"


def kill(pid: int) -> None:
    assert pid > 1, "0 would be our own process group"
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid), "a killed process to be gone")


def test_a_killed_web_worker_is_replaced(served: Served) -> None:
    for worker in children_of(served.web):
        kill(worker)

    eventually(lambda: served.post("/healthz") == (200, "OK"), "an answer")
    eventually(lambda: len(children_of(served.web)) == 1, "a worker")


def test_a_killed_web_server_is_replaced_at_the_same_address(served: Served) -> None:
    old = served.web
    kill(old)

    eventually(lambda: served.web not in {0, old}, "a new web server")
    assert served.post("/healthz") == (200, "OK")


def test_a_killed_web_worker_loses_no_run_and_starts_none_twice(served: Served, folder: Path) -> None:
    start_slow_test(served, folder)
    for worker in children_of(served.web):
        kill(worker)
    (folder / "go").touch()

    eventually(lambda: served.hook("pre-rollout", test="slow", wait="5s")[0] == 200, "the verdict")
    assert starts(folder) == 1


def test_a_killed_runner_takes_its_children_along_and_its_run_starts_again_once(served: Served, folder: Path) -> None:
    mark, runner = start_slow_test(served, folder), served.find_runner()
    first = set(find_marked(mark))
    kill(runner)

    eventually(lambda: starts(folder) == 2, "the test to start again")
    eventually(lambda: not any(map(alive, first)), "the first test's processes to end")
    (folder / "go").touch()
    eventually(lambda: served.hook("pre-rollout", test="slow", wait="5s")[0] == 200, "the verdict")


def test_a_killed_runner_leaves_no_folder(served: Served, folder: Path) -> None:
    run_id = start_slow_test(served, folder).partition("=")[2]
    (first,) = Path(tempfile.gettempdir()).glob(f"penstock-run-{run_id}-*")
    kill(served.find_runner())

    eventually(lambda: not first.exists(), "the dead runner's folder to be removed")


def test_a_run_whose_runner_dies_twice_is_lost_and_said_to_be(served: Served, folder: Path) -> None:
    start_slow_test(served, folder)
    kill(served.find_runner())
    eventually(lambda: starts(folder) == 2, "the test to start again")
    kill(served.find_runner())

    answers: list[str] = []
    eventually(lambda: "died" in (answers.append(ask(served)) or answers[-1]), "the loss to be told")
    assert answers[-1] == "slow inconclusive: its runner died 2 times under way; not tried again"


def ask(served: Served) -> str:
    return served.hook("pre-rollout", test="slow", wait="100ms")[1]


def test_a_killed_service_leaves_nothing_running(served: Served, folder: Path) -> None:
    mark = start_slow_test(served, folder)
    family = served.family()
    kill(served.process.pid)

    eventually(lambda: not any(map(alive, family)), "the service's processes to end")
    eventually(lambda: not list(find_marked(mark)), "the test's processes to end")


def test_gates_and_runs_outlive_a_killed_service(folder: Path) -> None:
    with serving(folder / "data", *flags(folder)) as first:
        first.settle()
        start_slow_test(first, folder)
        first.hook("confirm-traffic-increase", gate="traffic")
        first.post("/api/v1/gates/weather/ad/traffic/approve", {"who": "ann"})
        kill(first.process.pid)
        first.process.wait(PATIENCE_S)
    (folder / "go").touch()

    with serving(folder / "data", *flags(folder)) as second:
        second.settle()
        assert second.hook("confirm-traffic-increase", gate="traffic")[0] == 200
        eventually(lambda: second.hook("pre-rollout", test="slow", wait="5s")[0] == 200, "the verdict")
    assert starts(folder) == 2


def test_a_stopped_service_ends_the_test_under_way(served: Served, folder: Path) -> None:
    mark = start_slow_test(served, folder)

    assert served.end() == 0
    assert list(find_marked(mark)) == []


def test_a_runner_that_keeps_dying_ends_the_service(served: Served) -> None:
    for _ in range(5):
        kill(served.find_runner())

    assert served.process.wait(PATIENCE_S) == 70
    eventually(lambda: not served.children, "the rest to end")
