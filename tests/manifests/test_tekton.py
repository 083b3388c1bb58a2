"""The Pipeline for Tekton and the tasks it calls: valid for the engine, whole in their references, and safe."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.commands import accept
from tests.manifests.schemas import faults, needs_definitions
from tests.rollout_story import ab_test, blue_green, plan
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import tekton
from workflows.manifests.pipeline import Shape
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
ASKED = Shape(approval=True, approvers=("alice", "group:sre"))
CANARY = "examples/ad-service/canary.yaml"


def written(plan: RolloutPlan, shape: Shape | None = None) -> list[dict[str, Any]]:
    return [yaml.safe_load(str(each)) for each in tekton.write_tekton(plan, shape)]


def pipeline(plan: RolloutPlan, shape: Shape | None = None) -> dict[str, Any]:
    (found,) = (each["spec"] for each in written(plan, shape) if each["kind"] == "Pipeline")
    return dict(found)


def known_tasks() -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in written(plan()) if each["kind"] == "Task"}


@needs_definitions
@EVERY_PLAN
def test_the_engine_knows_every_field(plan: RolloutPlan) -> None:
    assert [fault for shape in (None, ASKED) for document in written(plan, shape) for fault in faults(document)] == []


@EVERY_PLAN
def test_every_task_gets_the_parameters_that_it_asks_for_and_no_others(plan: RolloutPlan) -> None:
    known, spec = known_tasks(), pipeline(plan, ASKED)
    for task in (*spec["tasks"], *spec["finally"]):
        if task["taskRef"].get("kind") == "ApprovalTask":
            continue
        asked = {each["name"]: each for each in known[task["taskRef"]["name"]]["params"]}
        given = {each["name"] for each in task["params"]}
        assert given <= asked.keys()
        assert {name for name, each in asked.items() if "default" not in each} <= given
    used = set(re.findall(r"\$\(params\.([\w-]+)\)", yaml.safe_dump(spec)))
    assert used == {each["name"] for each in spec["params"]}
    assert all(each["description"] for each in spec["params"])


@EVERY_PLAN
def test_each_group_waits_for_all_of_the_one_before_and_refers_only_to_those_before(plan: RolloutPlan) -> None:
    declared = {each["name"] for each in known_tasks()["penstock-stage"]["results"]}
    before: list[str] = []
    latest: list[str] = []
    for task in pipeline(plan, ASKED)["tasks"]:
        if task.get("runAfter", []) != latest:
            latest = task["runAfter"]
        assert latest == before[len(before) - len(latest) :] or before[-1].startswith(("judge", "iteration"))
        for name, result in re.findall(r"\$\(tasks\.([\w-]+)\.results\.([\w-]+)\)", yaml.safe_dump(task)):
            assert name in before
            assert result in declared
        before.append(task["name"])
    assert len(set(before)) == len(before)


@EVERY_PLAN
def test_the_end_refers_to_no_results_and_is_safe(plan: RolloutPlan) -> None:
    (finish,) = pipeline(plan)["finally"]
    assert "results" not in yaml.safe_dump(finish)
    assert {each["name"]: each["value"] for each in finish["params"]}["stage"] == "finish"


@EVERY_PLAN
def test_what_follows_the_start_is_skipped_where_nothing_is_new(plan: RolloutPlan) -> None:
    before = {"acquire", "check-load", "initialise", "start"}
    after = [task for task in pipeline(plan, ASKED)["tasks"] if task["name"] not in before]
    resting = {"$(tasks.start.results.phase)": "Initialized", "$(tasks.start.results.next)": ""}
    for when in (task["when"][0] for task in after):
        assert (resting[when["input"]] in when["values"]) is (when["operator"] == "notin")


def test_what_is_skipped_at_a_weight_is_what_comes_before_it_and_an_unknown_weight_skips_nothing() -> None:
    when = {task["name"]: task["when"][0] for task in pipeline(plan())["tasks"] if "when" in task}
    assert when["weight-20"]["values"] == ["40", "60", "80", "100", "promote", ""]
    assert when["weight-100"] == when["judge-100"] | {"values": ["promote", ""]}


def test_the_lease_is_made_longer_by_as_much_as_an_approval_may_take() -> None:
    tasks = {task["name"]: task for task in pipeline(plan(), ASKED)["tasks"]}
    held = {each["name"]: each["value"] for each in tasks["hold"]["params"]}
    assert (held["stage"], held["hold"], tasks["approval"]["timeout"]) == ("hold", "12h", "12h")


def test_load_stands_beside_each_judgement_where_a_target_is_named() -> None:
    tasks = {task["name"]: task for task in pipeline(plan())["tasks"]}
    assert tasks["load-40"]["runAfter"] == tasks["judge-40"]["runAfter"] == ["weight-40"]
    assert tasks["load-40"]["when"][1] == {"input": "$(params.load-target)", "operator": "notin", "values": [""]}
    assert tasks["weight-60"]["runAfter"] == ["judge-40", "load-40"]


def test_a_load_that_outlasts_the_lease_is_refused_before_the_release_is_taken_from_anybody() -> None:
    tasks = {task["name"]: task for task in pipeline(plan())["tasks"]}
    asked = {each["name"]: each["value"] for each in tasks["check-load"]["params"]}
    assert (asked["mode"], asked["at-most"]) == ("render", "$(params.lease)")
    assert (tasks["check-load"].get("runAfter"), tasks["acquire"]["runAfter"]) == (None, ["check-load"])


def test_steps_are_restricted_bounded_and_nothing_stands_in_a_script() -> None:
    for spec in known_tasks().values():
        (step,) = spec["steps"]
        assert "script" not in step
        assert step["securityContext"]["runAsNonRoot"] is True
        assert step["securityContext"]["readOnlyRootFilesystem"] is True
        assert step["computeResources"]["limits"]
        assert step["timeout"]
        accept(step["args"])


@EVERY_PLAN
def test_a_load_gets_no_token(plan: RolloutPlan) -> None:
    (run,) = (each["spec"] for each in written(plan) if each["kind"] == "PipelineRun")
    loads = {each["name"] for each in pipeline(plan)["tasks"] if each["taskRef"]["name"] == "penstock-load-test"}
    found = {each["pipelineTaskName"]: each["podTemplate"] for each in run["taskRunSpecs"]}
    assert found.keys() == loads
    assert not any(each["automountServiceAccountToken"] for each in found.values())


def test_every_wait_has_an_end() -> None:
    (run,) = (each["spec"]["timeouts"] for each in written(plan()) if each["kind"] == "PipelineRun")
    assert set(run) == {"pipeline", "tasks", "finally"}
    assert all(task["timeout"] for task in pipeline(plan(), ASKED)["tasks"])


def test_each_weight_of_the_plan_is_a_task_with_its_judgement() -> None:
    names = [task["name"] for task in pipeline(plan())["tasks"]]
    assert [name for name in names if name.startswith("weight-")] == [f"weight-{w}" for w in (20, 40, 60, 80, 100)]
    names = [task["name"] for task in pipeline(PLANS["evidence"])["tasks"] if "load" not in task["name"]]
    assert names[4:8] == ["weight-1", "judge-1", "weight-5", "judge-5"]


@pytest.mark.parametrize("name", ["{{workflow.uid}}", "$(params.x)", 'a"b', "a\nb"])
def test_a_name_that_would_break_a_manifest_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest"):
        tekton.write_tekton(plan(name=name))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stages", "acquire,guess"], "unknown stage 'guess'; known: acquire, initialise, start"),
        (["--engine-version", "1.12.1"], "Tekton 1.12.1 does not run `finally`"),
        (["--approval"], "give it with --approver NAME"),
        (["--approver", "alice"], "--approval"),
    ],
)
def test_what_cannot_be_written_for_the_engine_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["render", "tekton", "--canary", CANARY, *options]) == 78

    ended = capsys.readouterr()
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert said in ended.err


def test_those_who_may_say_yes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--approval", "--approver", "alice", "--approver", "group:sre"]
    assert main(["render", "tekton", "--canary", CANARY, *options]) == 0

    documents = {each["kind"]: each for each in yaml.safe_load_all(capsys.readouterr().out)}
    asked = {task["name"]: task for task in documents["Pipeline"]["spec"]["tasks"]}["approval"]
    assert asked["params"][0] == {"name": "approvers", "value": ["alice", "group:sre"]}


def test_the_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    for kind in ("tekton", "rbac"):
        assert main(["render", kind, "--canary", CANARY, "-o", str(tmp_path)]) == 0
    example = Path("examples/tekton")
    shipped = {str(path.relative_to(example)): path.read_text() for path in example.rglob("*.yaml")}
    assert shipped == {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.yaml")}
