"""The Task and the Pipeline for Tekton: valid for the engine, whole in their references, and safe."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.schemas import faults, needs_definitions
from tests.rollout_story import ab_test, blue_green, plan
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import tekton
from workflows.rollout.plan import Judge, RolloutPlan

IDLE = blue_green()
PLANS = {
    "canary": plan(),
    "evidence": plan(judge=Judge.EVIDENCE),
    "a/b": ab_test(),
    "blue/green": IDLE,
    "mirrored": replace(IDLE, analysis=replace(IDLE.analysis, mirror_percent=50)),
}
EVERY_PLAN = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


def written(plan: RolloutPlan) -> dict[str, dict[str, Any]]:
    documents = (yaml.safe_load(str(each)) for each in tekton.write_tekton(plan))
    return {each["kind"]: each for each in documents}


def tasks(plan: RolloutPlan) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = written(plan)["Pipeline"]["spec"]["tasks"]
    return found


@needs_definitions
@EVERY_PLAN
def test_the_engine_knows_every_field(plan: RolloutPlan) -> None:
    assert [fault for document in written(plan).values() for fault in faults(document)] == []


@EVERY_PLAN
def test_every_task_gets_the_parameters_that_it_asks_for_and_no_others(plan: RolloutPlan) -> None:
    asked = {each["name"]: each for each in written(plan)["Task"]["spec"]["params"]}
    pipeline = written(plan)["Pipeline"]["spec"]
    for task in (*pipeline["tasks"], *pipeline["finally"]):
        given = {each["name"] for each in task["params"]}
        assert given <= asked.keys()
        assert {name for name, each in asked.items() if "default" not in each} <= given
    used = set(re.findall(r"\$\(params\.([\w-]+)\)", yaml.safe_dump(pipeline)))
    assert used == {each["name"] for each in pipeline["params"]}


@EVERY_PLAN
def test_tasks_stand_in_a_row_and_what_they_refer_to_went_before(plan: RolloutPlan) -> None:
    before: list[str] = []
    declared = {each["name"] for each in written(plan)["Task"]["spec"]["results"]}
    for task in tasks(plan):
        assert task.get("runAfter", []) == before[-1:]
        for name, result in re.findall(r"\$\(tasks\.([\w-]+)\.results\.([\w-]+)\)", yaml.safe_dump(task)):
            assert name in before
            assert result in declared
        before.append(task["name"])
    assert len(set(before)) == len(before)


@EVERY_PLAN
def test_the_end_refers_to_no_results_and_is_safe(plan: RolloutPlan) -> None:
    (finish,) = written(plan)["Pipeline"]["spec"]["finally"]
    assert "results" not in yaml.safe_dump(finish)
    assert {each["name"]: each["value"] for each in finish["params"]}["stage"] == "finish"


@EVERY_PLAN
def test_what_follows_the_start_is_skipped_where_nothing_is_new(plan: RolloutPlan) -> None:
    assert all(task["when"][0]["values"] == ["Progressing"] for task in tasks(plan)[3:])


def test_steps_are_restricted_and_nothing_stands_in_a_script() -> None:
    (step,) = written(plan())["Task"]["spec"]["steps"]
    assert "script" not in step
    assert step["securityContext"]["runAsNonRoot"] is True
    assert step["computeResources"]["limits"]


def test_every_wait_has_an_end() -> None:
    run = written(plan())["PipelineRun"]["spec"]["timeouts"]
    assert set(run) == {"pipeline", "tasks", "finally"}
    assert all(task["timeout"] for task in tasks(plan()))


def test_each_weight_of_the_plan_is_a_task_with_its_judgement() -> None:
    names = [task["name"] for task in tasks(plan())]
    assert [name for name in names if name.startswith("weight-")] == [f"weight-{w}" for w in (20, 40, 60, 80, 100)]
    assert [task["name"] for task in tasks(PLANS["evidence"])][4:8] == ["weight-1", "judge-1", "weight-5", "judge-5"]


@pytest.mark.parametrize("name", ["{{workflow.uid}}", "$(params.x)", 'a"b', "a\nb"])
def test_a_name_that_would_break_a_manifest_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest"):
        tekton.write_tekton(plan(name=name))


def test_the_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    for kind in ("tekton", "rbac"):
        assert main(["render", kind, "--canary", "examples/ad-service/canary.yaml", "-o", str(tmp_path)]) == 0
    example = Path("examples/tekton")
    shipped = {str(path.relative_to(example)): path.read_text() for path in example.rglob("*.yaml")}
    assert shipped == {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.yaml")}
