"""Releases by the rendered Pipeline: real stage commands, run as Tekton would run them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.guardian import watch_over
from tests.cluster.releases import Stage, canary
from tests.cluster.tekton_engine import Ending, TektonEngine
from workflows import canary as canaries
from workflows.manifests import tekton
from workflows.manifests.pipeline import Shape

TASKS = ["weight-60", "promote", "finalise"]
ENDINGS = [Ending.CANCELLED_RUN_FINALLY, Ending.CANCELLED]


def engine(stage: Stage, folder: Path, shape: Shape | None = None, **settings: Any) -> TektonEngine:
    plan = canaries.parse(yaml.safe_dump(canary()), "canary")
    documents = [yaml.safe_load(str(document)) for document in tekton.write_tekton(plan, shape)]
    tasks = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Task"}
    (pipeline,) = (each for each in documents if each["kind"] == "Pipeline")
    tail = ["--kubeconfig", str(stage.kubeconfig), "--interval", "50ms"]
    parameters = {"prometheus": stage.prometheus, "lease": "60s", "report-url": "https://releases.test/ad"}
    return TektonEngine(tasks, pipeline, folder, tail, parameters | settings.pop("parameters", {}), **settings)


def test_a_good_version_is_promoted_task_by_task(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path)

    assert run.run() == "Succeeded"

    assert [name for name in run.done if name.startswith("weight")] == ["weight-30", "weight-60"]
    assert (stage.image("ad-primary"), stage.home(), stage.status()["phase"]) == ("ad:v2", True, "Succeeded")
    assert run.results == {"verdict": "promoted", "weight": "0", "reason": "", "report": "https://releases.test/ad"}


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
@pytest.mark.parametrize("ending", ENDINGS, ids=[each.value[0] for each in ENDINGS])
def test_a_run_that_is_ended_leaves_the_traffic_on_the_primary(
    stage: Stage, tmp_path: Path, ending: Ending, at: str
) -> None:
    stage.set_image("v2")

    assert engine(stage, tmp_path, ending=ending, at=at).run() == "Failed"
    if not ending.runs_finally:
        assert stage.status()["phase"] not in {"Failed", "Succeeded"}
        watch_over(stage)

    assert stage.home()
    assert stage.status()["phase"] in {"Failed", "Succeeded"}


@pytest.mark.parametrize(("approve", "status", "image"), [(True, "Succeeded", "ad:v2"), (False, "Failed", "ad:v1")])
def test_those_who_are_named_decide(stage: Stage, tmp_path: Path, *, approve: bool, status: str, image: str) -> None:
    stage.set_image("v2")
    run = engine(stage, tmp_path, Shape(approval=True, approvers=("alice",)), approve=approve)

    assert run.run() == status

    assert run.done[8:11] == ["hold", "approval", "judge-approved" if approve else "finish"]
    assert (stage.image("ad-primary"), stage.home()) == (image, True)


def test_load_runs_beside_the_judgement_and_its_no_ends_the_release(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    load = {"load-target": f"{stage.prometheus}/ad?query=up", "load-duration": "500ms", "load-rate": "5"}
    run = engine(stage, tmp_path, parameters={**load, "load-threshold": "http_reqs: count<1"})

    assert run.run() == "Failed"

    assert run.done[-4:] == ["weight-30", "judge-30", "load-30", "finish"]
    assert (stage.image("ad-primary"), stage.home()) == ("ad:v1", True)
