"""One driver at a time: Flagger's controller or we, changed by `adopt` and `hand-back` alone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Kubelet
from tests.cluster.releases import Stage
from workflows.cli import main
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.guard import ADOPTED, Guard, driven_by_flagger
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, LEASE, Manifest
from workflows.errors import FencedError
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place

LONG = timedelta(minutes=5)


@pytest.fixture
def stage(api: ApiServer, cluster: Cluster, tmp_path: Path) -> Stage:
    stage = Stage(cluster, api.kubeconfig(tmp_path), "http://127.0.0.1:9")
    stage.set_up()
    return stage


def drive_by_flagger(stage: Stage, phase: str = "Succeeded") -> None:
    """Do what the controller does: write the status, with the hash of the spec."""
    status = {"phase": phase, "lastAppliedSpec": "5978589476", "canaryWeight": 0}
    stage.cluster.patch(CANARY, "test", "ad", {"status": status}, "status")


def make_primary(stage: Stage, kubelet: Kubelet) -> None:
    found = stage.cluster.get(DEPLOYMENT, "test", "ad")
    assert found
    stage.cluster.create(DEPLOYMENT, {**found, "metadata": {"name": "ad-primary", "namespace": "test"}})
    kubelet.settle()


def read(stage: Stage) -> Manifest:
    return stage.cluster.get(CANARY, "test", "ad") or {}


def test_a_canary_that_flagger_drives_is_refused_before_anything_is_written(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    drive_by_flagger(stage)

    code = stage.run()

    assert code == 14
    assert "Flagger drives it (it is not suspended)" in capsys.readouterr().err
    assert stage.cluster.get(LEASE, "test", "penstock-ad") is None


def test_an_adopted_canary_is_suspended_for_flagger_and_its_state_is_taken_over(stage: Stage, kubelet: Kubelet) -> None:
    drive_by_flagger(stage)
    make_primary(stage, kubelet)

    code = main(["adopt", "canary/ad", *stage.where()])

    store = KubernetesStateStore(stage.cluster, Place("test", "ad"), MemoryClock())
    state = store.load()
    assert (code, read(stage)["spec"]["suspend"]) == (0, True)
    assert state
    assert (state.phase, state.promoted_revision) == (Phase.SUCCEEDED, state.revision)
    assert not stage.lease()["spec"].get("holderIdentity")


def test_what_failed_under_flagger_is_not_released_again_by_us(stage: Stage, kubelet: Kubelet) -> None:
    drive_by_flagger(stage, "Failed")
    make_primary(stage, kubelet)

    main(["adopt", "canary/ad", *stage.where()])

    state = KubernetesStateStore(stage.cluster, Place("test", "ad"), MemoryClock()).load()
    assert state
    assert (state.phase, bool(state.revision), state.promoted_revision) == (Phase.FAILED, True, "")


def test_a_canary_in_the_middle_of_a_release_is_not_adopted(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    drive_by_flagger(stage, "Progressing")

    code = main(["adopt", "canary/ad", *stage.where()])

    assert code == 78
    assert "in the middle of a release (phase Progressing)" in capsys.readouterr().err
    assert "suspend" not in read(stage)["spec"]


def test_a_canary_that_was_never_released_is_adopted_without_a_state(stage: Stage) -> None:
    assert main(["adopt", "ad", *stage.where()]) == 0

    assert stage.cluster.get(CONFIG_MAP, "test", "penstock-ad") is None
    assert ADOPTED in read(stage)["metadata"]["annotations"]


def test_a_canary_that_flagger_writes_meanwhile_is_looked_at_again(stage: Stage, api: ApiServer) -> None:
    api.meanwhile("PUT", lambda: drive_by_flagger(stage, "Progressing"))

    assert main(["adopt", "canary/ad", *stage.where()]) == 78


def test_a_canary_that_is_handed_back_is_flaggers_again(stage: Stage) -> None:
    main(["adopt", "canary/ad", *stage.where()])

    code = main(["hand-back", "canary/ad", *stage.where()])

    assert (code, read(stage)["spec"]["suspend"]) == (0, False)
    assert ADOPTED not in read(stage)["metadata"].get("annotations", {})


def test_a_canary_is_not_handed_back_in_the_middle_of_a_release(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["adopt", "canary/ad", *stage.where()])
    store = KubernetesStateStore(stage.cluster, Place("test", "ad"), MemoryClock())
    store.save(RolloutState(Phase.PROGRESSING), store.acquire("run-1", LONG))

    code = main(["hand-back", "canary/ad", *stage.where()])

    assert code == 78
    assert "penstock abort canary/ad -n test" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["adopt", "hand-back"])
def test_a_canary_that_is_not_there_is_named(command: str, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "canary/none", *stage.where()]) == 78

    assert "canary/none -n test: not found" in capsys.readouterr().err


def test_a_release_that_is_resumed_for_flagger_is_told_apart(stage: Stage) -> None:
    main(["adopt", "canary/ad", *stage.where()])
    drive_by_flagger(stage)
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"suspend": False}})

    with pytest.raises(FencedError, match="Flagger drives it again; we have stopped"):
        Guard(stage.cluster, "test", "ad")()


def test_a_cluster_without_canaries_has_nothing_to_guard(stage: Stage, api: ApiServer) -> None:
    with api.without(CANARY):
        Guard(stage.cluster, "test", "ad")()


@pytest.mark.parametrize(
    ("canary", "driven"),
    [
        ({}, False),
        ({"metadata": {"managedFields": [{"manager": "kubectl"}]}}, False),
        ({"metadata": {"managedFields": [{"manager": "flagger"}]}}, True),
        ({"metadata": {"managedFields": [{"manager": "flagger"}]}, "spec": {"suspend": True}}, False),
        ({"status": {"lastAppliedSpec": "5978589476"}}, True),
        ({"status": {"phase": "Succeeded"}}, False),
    ],
)
def test_flagger_is_known_by_what_it_writes(canary: dict[str, Any], *, driven: bool) -> None:
    assert driven_by_flagger({"metadata": {}, **canary}) is driven


def test_a_canary_that_others_never_let_rest_is_given_up(stage: Stage, api: ApiServer) -> None:
    api.refuse("PUT /apis/flagger.app", status=409, times=5)

    assert main(["adopt", "canary/ad", *stage.where()]) == 75
