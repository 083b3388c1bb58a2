"""Releases by the rendered WorkflowTemplate: real stage commands, run as Argo Workflows would run them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argo_engine import ArgoEngine, Ending
from tests.cluster.guardian import watch_over
from tests.cluster.releases import Stage, canary
from workflows import canary as canaries
from workflows.manifests import argo
from workflows.manifests.pipeline import Shape

STAGES = ["set-weight 60", "promote", "finalise"]


def engine(stage: Stage, folder: Path, shape: Shape | None = None, **settings: Any) -> ArgoEngine:
    plan = canaries.parse(yaml.safe_dump(canary()), "canary")
    template = yaml.safe_load(str(argo.write_argo(plan, shape)[0]).partition("---")[2])
    tail = ["--kubeconfig", str(stage.kubeconfig), "--interval", "50ms"]
    parameters = {"prometheus": stage.prometheus, "lease": "60s", "report-url": "https://releases.test/ad"}
    return ArgoEngine(template, folder, tail, parameters | settings.pop("parameters", {}), **settings)


def test_a_good_version_is_promoted_weight_by_weight(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert [node for node in run.nodes if node.startswith("set-weight")] == ["set-weight 30", "set-weight 60"]
    assert (stage.image("ad-primary"), stage.home()) == ("ad:v2", True)
    assert stage.status()["phase"] == "Succeeded"
    assert run.outputs == {"verdict": "promoted", "weight": "0", "reason": "", "report": "https://releases.test/ad"}


def test_a_bad_version_loses_its_traffic_at_the_gate_and_its_page_says_why(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v3")
    run = engine(stage, tmp_path, Shape(report=True))

    assert run.run() == "Failed"

    assert run.nodes[-2:] == ["gate", "finish"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Failed")
    assert run.outputs["verdict"] == "rolled_back"
    assert "success rate" in run.outputs["reason"]
    assert "rolled back" in run.artifacts["gate"]


def test_a_version_after_one_that_failed_is_released(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v3")
    engine(stage, tmp_path).run()
    stage.set_image("v4")

    assert engine(stage, tmp_path).run() == "Succeeded"

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v4", True, "Succeeded")


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
    following = run.nodes[run.nodes.index("hold") + 1 :]
    assert following[0] == {"YES": "gate 60", "NO": "rollback"}[answer]


def test_a_release_is_held_while_somebody_thinks_about_it(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path, Shape(approval=True), ending=Ending.TERMINATED, at=9)
    run.approve = "YES"

    run.run()

    held = "set-weight 60", "gate", "hold"
    assert tuple(run.nodes[-3:]) == held
    assert stage.lease()["spec"]["leaseDurationSeconds"] == 12 * 60 * 60 + 60
    assert stage.stage("gate", "--owner", "argo/uid-1", "--lease", "60s") == 0
    assert stage.lease()["spec"]["leaseDurationSeconds"] == 60


def test_every_pod_that_is_killed_after_its_work_comes_to_the_same_end(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, doubled=True).run() == "Succeeded"

    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")


@pytest.mark.parametrize("at", STAGES)
@pytest.mark.parametrize("ending", [Ending.STOPPED, Ending.TERMINATED], ids=["stopped", "terminated"])
def test_a_workflow_that_is_ended_leaves_the_traffic_on_the_primary(
    stage: Stage, tmp_path: Path, ending: Ending, at: str
) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, ending=ending, at=at).run() == "Failed"
    if not ending.runs_exit_handler:
        assert stage.status()["phase"] not in {"Failed", "Succeeded"}
        watch_over(stage)

    assert stage.home()
    assert stage.status()["phase"] in {"Failed", "Succeeded"}


def test_load_runs_beside_the_gate_and_its_no_ends_the_release(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    load = {"load-target": f"{stage.prometheus}/ad?query=up", "load-duration": "500ms", "load-rate": "5"}

    good = engine(stage, tmp_path, parameters=load).run()
    stage.set_image("v4")
    bad = engine(stage, tmp_path, parameters={**load, "load-threshold": "http_reqs: count<1"})

    assert (good, bad.run()) == ("Succeeded", "Failed")
    assert bad.nodes[-4:] == ["set-weight 30", "gate", "load run", "finish"]
    assert (stage.image("ad-primary"), stage.home()) == ("ad:v2", True)


@pytest.mark.parametrize("wrong", [{"load-rate": "many"}, {"load-duration": "61s"}], ids=["no rate", "too long"])
def test_a_load_that_cannot_be_made_is_said_before_anything_is_changed(
    stage: Stage, tmp_path: Path, wrong: dict[str, str]
) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path, parameters={"load-target": stage.prometheus, **wrong})

    assert run.run() == "Failed"

    assert run.nodes == ["load render", "finish"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v1", True, "Initialized")


def test_a_load_that_cannot_be_made_takes_the_release_from_nobody(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    for words in (["acquire"], ["start"], ["gate"], ["set-weight", "30"]):
        assert stage.stage(*words, "--owner", "another") == 0
    wrong = {"load-target": stage.prometheus, "load-rate": "many", "on-conflict": "supersede"}

    assert engine(stage, tmp_path, parameters=wrong).run() == "Failed"

    assert (stage.lease()["spec"]["holderIdentity"], stage.status()["canaryWeight"]) == ("another", 30)
