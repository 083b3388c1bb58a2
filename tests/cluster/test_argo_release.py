"""Releases by the rendered WorkflowTemplate: real stage commands, run as Argo Workflows would run them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argo_engine import ArgoEngine
from tests.cluster.releases import Stage, canary
from workflows import canary as canaries
from workflows.manifests import argo

STAGES = ["gate", "set-weight 30", "set-weight 60", "hook confirm-promotion", "promote", "shift-back", "finalise"]


def engine(stage: Stage, folder: Path, **settings: Any) -> ArgoEngine:
    plan = canaries.parse(yaml.safe_dump(canary()), "canary")
    template = yaml.safe_load(str(argo.write_argo(plan)[0]).partition("---")[2])
    tail = ["--kubeconfig", str(stage.kubeconfig), "--interval", "50ms"]
    parameters = {"prometheus": stage.prometheus, "lease": "60s"}
    return ArgoEngine(template, folder, tail, parameters | settings.pop("parameters", {}), **settings)


def test_a_good_version_is_promoted_weight_by_weight(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert [node for node in run.nodes if node.startswith("set-weight")] == ["set-weight 30", "set-weight 60"]
    assert (stage.image("ad-primary"), stage.home()) == ("ad:v2", True)
    assert stage.status()["phase"] == "Succeeded"


def test_a_bad_version_loses_its_traffic_at_the_gate(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v3")
    run = engine(stage, tmp_path)

    assert run.run() == "Failed"

    assert run.nodes[-2:] == ["gate", "finish"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")


def test_without_a_new_revision_nothing_is_done(stage: Stage, tmp_path: Path) -> None:
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert run.nodes == ["acquire", "initialise", "start", "finish"]


@pytest.mark.parametrize(("answer", "status", "image"), [("YES", "Succeeded", "ad:v2"), ("NO", "Failed", "ad:v1")])
def test_an_approval_decides(stage: Stage, tmp_path: Path, answer: str, status: str, image: str) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path, approve=answer, parameters={"approval": "yes"})

    assert run.run() == status

    assert (stage.image("ad-primary"), stage.home()) == (image, True)


def test_every_stage_delivered_twice_comes_to_the_same_end(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, doubled=True).run() == "Succeeded"

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


@pytest.mark.parametrize("at", STAGES)
def test_a_workflow_that_is_stopped_ends_safe(stage: Stage, tmp_path: Path, at: str) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, stopped=at).run() == "Failed"

    assert stage.home()
    assert stage.status()["phase"] in {"Failed", "Succeeded"}
