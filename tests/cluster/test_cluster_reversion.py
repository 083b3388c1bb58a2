"""`penstock revert`: a canary at rest goes back to plain Kubernetes, and its record goes with it."""

from datetime import timedelta

import pytest

from tests.cluster import mesh
from tests.cluster.releases import Stage
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place


def revert(stage: Stage) -> int:
    return main(["revert", "canary/ad", *stage.where()])


def test_the_target_alone_serves_and_nothing_is_left(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code = revert(stage)

    assert code == 0
    assert (stage.image("ad"), stage.image("ad-primary")) == ("ad:v1", "")
    assert (stage.lease(), stage.record()) == ({}, {})
    assert "ad.test: " in capsys.readouterr().out


def test_a_reverted_canary_can_be_released_anew(stage: Stage) -> None:
    revert(stage)

    assert (stage.run(), stage.image("ad-primary")) == (0, "ad:v1")


def test_a_canary_is_not_reverted_in_the_middle_of_a_release(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.set_image("v2")
    assert stage.stage("start") == 0
    store = KubernetesStateStore(stage.cluster, Place("test", "ad"), SystemClock())
    store.release(store.acquire("pipeline", timedelta(minutes=1)))

    code = revert(stage)

    assert code == 78
    assert "a release is under way (phase Progressing)" in capsys.readouterr().err
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_a_canary_that_another_owner_holds_is_not_reverted(stage: Stage) -> None:
    stage.set_image("v2")
    stage.stage("start")

    assert revert(stage) == 14
