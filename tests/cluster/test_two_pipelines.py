"""Two pipelines for one canary: the second fails, waits or takes over, as it was asked."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cluster import mesh
from tests.cluster.releases import Stage
from tests.cluster.test_argo_release import engine as argo_engine
from tests.cluster.test_tekton_release import engine as tekton_engine
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place

FIRST = "argo/uid-0"
ENGINES = pytest.mark.parametrize("engine", [argo_engine, tekton_engine], ids=["argo", "tekton"])


@pytest.fixture
def contested(stage: Stage) -> Stage:
    """A release of v2 at 30 percent, which another pipeline drives."""
    stage.set_image("v2")
    for words in (["start"], ["gate"], ["set-weight", "30"]):
        assert stage.stage(*words, "--owner", FIRST, "--lease", "5m") == 0
    return stage


def let_go(stage: Stage) -> None:
    store = KubernetesStateStore(stage.cluster, Place("test", "ad"), SystemClock())
    store.release(store.acquire(FIRST, timedelta(minutes=5)))


@ENGINES
def test_the_second_fails_and_touches_nothing(contested: Stage, tmp_path: Path, engine: type) -> None:
    second = engine(contested, tmp_path, parameters={"on-conflict": "fail"})

    assert second.run() == "Failed"

    assert mesh.weights(contested.cluster) == {"ad-primary": 70, "ad": 30}
    assert contested.lease()["spec"]["holderIdentity"] == FIRST
    assert contested.stage("gate", "--owner", FIRST) == 0


def test_the_second_waits_until_the_first_lets_go(contested: Stage, tmp_path: Path) -> None:
    second = argo_engine(contested, tmp_path, parameters={"on-conflict": "wait"})
    gone = threading.Timer(0.5, let_go, (contested,))
    gone.start()

    assert second.run() == "Succeeded"

    gone.join()
    assert (contested.image("ad-primary"), contested.home()) == ("ad:v2", True)


def test_the_second_takes_over_and_the_first_is_fenced_out(contested: Stage, tmp_path: Path) -> None:
    codes: list[int] = []

    def run_stage(words: list[str]) -> int:
        if words[1] == "promote":
            codes.append(contested.stage("set-weight", "30", "--owner", FIRST))
        return main(words)

    second = argo_engine(contested, tmp_path, parameters={"on-conflict": "supersede"}, run_stage=run_stage)

    assert second.run() == "Succeeded"

    assert codes == [14]
    assert (contested.image("ad-primary"), contested.home()) == ("ad:v2", True)
