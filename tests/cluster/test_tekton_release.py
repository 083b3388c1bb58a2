"""Releases by the rendered Pipeline: real stage commands, run as Tekton would run them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.releases import Stage, canary
from tests.cluster.tekton_engine import TektonEngine
from workflows import canary as canaries
from workflows.manifests import tekton

TASKS = ["pre-rollout", "weight-30", "judge-60", "confirm-promotion", "promote", "shift-back", "finalise"]


def engine(stage: Stage, folder: Path, **settings: Any) -> TektonEngine:
    plan = canaries.parse(yaml.safe_dump(canary()), "canary")
    documents = {
        each["kind"]: each for each in (yaml.safe_load(str(document)) for document in tekton.write_tekton(plan))
    }
    tail = ["--kubeconfig", str(stage.kubeconfig), "--interval", "50ms"]
    parameters = {"prometheus": stage.prometheus, "lease": "60s", **settings.pop("parameters", {})}
    return TektonEngine(documents["Task"], documents["Pipeline"], folder, tail, parameters, **settings)


def test_a_good_version_is_promoted_task_by_task(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert [name for name in run.done if name.startswith("weight")] == ["weight-30", "weight-60"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


def test_a_bad_version_loses_its_traffic_at_the_judgement(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v3")
    run = engine(stage, tmp_path)

    assert run.run() == "Failed"

    assert run.done[-2:] == ["judge-30", "finish"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")


def test_without_a_new_revision_the_rest_is_skipped(stage: Stage, tmp_path: Path) -> None:
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert run.done == ["acquire", "initialise", "start", "finish"]


def test_every_task_delivered_twice_comes_to_the_same_end(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, doubled=True).run() == "Succeeded"

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


@pytest.mark.parametrize("at", TASKS)
def test_a_run_that_is_cancelled_with_its_end_ends_safe(stage: Stage, tmp_path: Path, at: str) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, cancelled=at).run() == "Failed"

    assert stage.home()
    assert stage.status()["phase"] in {"Failed", "Succeeded"}
