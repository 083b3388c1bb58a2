"""Several services on one PostgreSQL: each answers every hook, a run is one run, and nobody is needed for ever."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService
from tests.webhooks.postgres import Cluster
from tests.webhooks.served import Served, eventually, serving
from tests.webhooks.test_serve_faults import CATALOG, SUITE, starts
from webhooks.store.records import RunQuery, RunState
from webhooks.store.sql import SqlStore, locate

CHECK = """
  once: {kind: http, target: "http://ad-canary.weather:3003", requests: [{path: /ad}]}
"""


@pytest.fixture
def store(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    monkeypatch.setenv("PENSTOCK_STORE", cluster.make_database())
    made = SqlStore(locate(os.environ["PENSTOCK_STORE"], tmp_path))
    yield made
    made.close()


@pytest.fixture
def replicas(store: SqlStore, tmp_path: Path, ad: AdService) -> Iterator[list[Served]]:
    store.probe()
    (tmp_path / "catalog.yaml").write_text(CATALOG + CHECK)
    (tmp_path / "test_slow.py").write_text(SUITE)
    flags = ["--catalog", str(tmp_path / "catalog.yaml"), "--resolve", f"ad-canary.weather:3003={ad.address}"]
    with ExitStack() as stack:
        made = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            made.append(stack.enter_context(serving(tmp_path / name / "data", *flags)))
        yield [served.settle() for served in made]


def test_fifty_calls_for_one_key_on_two_services_are_one_run(
    replicas: list[Served], store: SqlStore, ad: AdService
) -> None:
    with ThreadPoolExecutor(50) as callers:
        ask = [callers.submit(replicas[n % 2].hook, "pre-rollout", test="once", wait="30s") for n in range(50)]
        answers = {call.result(60) for call in ask}

    assert {status for status, _ in answers} == {200}
    assert [(run.state, run.starts) for run in store.runs.page(RunQuery())] == [(RunState.PASSED, 1)]
    assert len(ad.hosts) == 1


def test_a_gate_approved_at_one_service_is_open_at_the_other(replicas: list[Served]) -> None:
    one, two = replicas
    one.hook("confirm-promotion", gate="promotion")
    one.post("/api/v1/gates/weather/ad/promotion/approve", {"who": "ann"})

    assert two.hook("confirm-promotion", gate="promotion")[0] == 200


def test_a_dead_service_is_replaced_by_the_other(replicas: list[Served], store: SqlStore, tmp_path: Path) -> None:
    one, two = replicas
    two.hook("pre-rollout", test="slow", wait="10ms")
    eventually(lambda: starts(tmp_path) == 1, "the test to start")
    owner = store.runs.select({RunState.RUNNING})[0].owner
    places = [(served.data_dir / "place").read_text() for served in replicas]
    dead = replicas[places.index(owner.partition("/")[0])]
    survivor = two if dead is one else one
    os.kill(dead.process.pid, signal.SIGKILL)

    eventually(lambda: starts(tmp_path) == 2, "the other service to start the test again")
    (tmp_path / "go").touch()
    eventually(lambda: survivor.hook("pre-rollout", test="slow", wait="5s")[0] == 200, "the verdict")


def test_cut_connections_lose_no_run(replicas: list[Served], store: SqlStore, cluster: Cluster, tmp_path: Path) -> None:
    replicas[0].hook("pre-rollout", test="slow", wait="10ms")
    eventually(lambda: starts(tmp_path) == 1, "the test to start")
    for _ in range(5):
        cluster.cut_connections()
        eventually(lambda: replicas[0].post("/healthz")[0] == 200, "an answer")
    (tmp_path / "go").touch()

    eventually(lambda: replicas[1].hook("pre-rollout", test="slow", wait="5s")[0] == 200, "the verdict")
    assert [run.starts for run in store.runs.page(RunQuery())] == [1]
