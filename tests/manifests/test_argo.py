"""The template for Argo Workflows: valid for the engine, whole in its references, and safe."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argo_engine import NODE_NAME
from tests.manifests.schemas import CRDS, faults, needs_definitions
from tests.rollout_story import ab_test, analysis, blue_green, plan
from workflows import canary
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import argo, tekton
from workflows.manifests.argo.pod import SHOWN
from workflows.manifests.argo_plugin import write_argo_plugin
from workflows.manifests.pipeline import Shape
from workflows.rollout.plan import RolloutPlan

MIRRORED = blue_green()
PLANS = {
    "canary": plan(),
    "a/b": ab_test(),
    "blue/green": blue_green(),
    "mirrored": replace(MIRRORED, analysis=replace(MIRRORED.analysis, mirror_percent=50)),
}
EVERY_PLAN = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
TAG = re.compile(r"\{\{(=?)([^{}]+)\}\}")


def written(plan: RolloutPlan) -> list[dict[str, Any]]:
    return [document for each in argo.write_argo(plan) for document in yaml.safe_load_all(str(each))]


def templates(plan: RolloutPlan) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in written(plan)[0]["spec"]["templates"]}


def calls(plan: RolloutPlan) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, template in templates(plan).items():
        for group in template.get("steps", []):
            for step in group:
                yield name, step


@needs_definitions
@EVERY_PLAN
def test_the_engine_knows_every_field(plan: RolloutPlan) -> None:
    assert [fault for document in written(plan) for fault in faults(document)] == []


@needs_definitions
def test_a_field_that_the_engine_no_longer_has_would_be_found() -> None:
    template = written(plan())[0]
    template["spec"]["synchronization"] = {"mutex": {"name": "old"}}
    assert "'mutex' was unexpected" in " ".join(faults(template))


@EVERY_PLAN
def test_every_template_that_is_called_is_there_and_gets_what_it_asks_for(plan: RolloutPlan) -> None:
    known = templates(plan)
    for _, step in calls(plan):
        given = {each["name"] for each in step.get("arguments", {}).get("parameters", [])}
        asked = known[step["template"]].get("inputs", {}).get("parameters", [])
        assert given <= {each["name"] for each in asked}
        assert {each["name"] for each in asked if not {"value", "default"} & each.keys()} <= given
    spec = written(plan)[0]["spec"]
    assert {spec["entrypoint"], spec["onExit"]} <= known.keys()


@EVERY_PLAN
def test_every_output_that_is_used_is_given_by_an_earlier_step_and_has_a_default(plan: RolloutPlan) -> None:
    known = templates(plan)
    for template in known.values():
        before: dict[str, str] = {}
        for group in template.get("steps", []):
            text = yaml.safe_dump(group)
            for name, output in re.findall(r"steps\.([\w-]+)\.outputs\.parameters\.([\w-]+)", text):
                outputs = {each["name"]: each for each in known[before[name]]["outputs"]["parameters"]}
                assert "default" in outputs[output]["valueFrom"]
            before |= {step["name"]: step["template"] for step in group}


@EVERY_PLAN
def test_every_parameter_of_the_workflow_is_declared_and_described(plan: RolloutPlan) -> None:
    spec = written(plan)[0]["spec"]
    used = set(re.findall(r"workflow\.parameters\.([\w-]+)", yaml.safe_dump(spec)))
    declared = {each["name"]: each for each in spec["arguments"]["parameters"]}
    assert used == declared.keys()
    assert all(each["description"] for each in declared.values())


@EVERY_PLAN
def test_pods_are_restricted_and_nothing_stands_in_a_script(plan: RolloutPlan) -> None:
    spec = written(plan)[0]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    containers = [each["container"] for each in spec["templates"] if "container" in each]
    assert containers
    for container in containers:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]
        assert container["command"] == ["penstock"]
    assert not [each for each in spec["templates"] if "script" in each]


def test_one_release_of_a_canary_runs_at_a_time() -> None:
    mutexes = written(plan())[0]["spec"]["synchronization"]["mutexes"]
    assert mutexes == [{"name": "canary-weather-ad"}]


def test_only_trouble_of_the_platform_is_tried_again() -> None:
    expression = templates(plan())["stage"]["retryStrategy"]["expression"]
    assert expression.endswith("in [75, 105, 130, 137, 143]")


def test_whatever_happens_the_end_is_safe() -> None:
    finish = templates(plan())["finish"]["steps"][0][0]
    values = {each["name"]: each["value"] for each in finish["arguments"]["parameters"]}
    assert values["stage"] == "finish"


@pytest.mark.parametrize("name", ["{{workflow.uid}}", "$(params.x)", 'a"b', "a\nb", "a'b", "", "A"])
def test_a_name_that_would_break_a_manifest_is_refused(name: str) -> None:
    for broken in (plan(name=name), plan(namespace=name)):
        with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest"):
            argo.write_argo(broken)


def rendered(*options: str) -> int:
    return main(["render", "argo", "--canary", "examples/ad-service/canary.yaml", *options])


def test_for_all_namespaces_the_template_has_none_and_the_workflow_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert rendered("--cluster-wide") == 0

    template, workflow = yaml.safe_load_all(capsys.readouterr().out)
    assert template["kind"] == "ClusterWorkflowTemplate"
    assert "namespace" not in template["metadata"]
    reference = {"name": template["metadata"]["name"], "clusterScope": True}
    assert workflow["spec"]["workflowTemplateRef"] == reference
    assert not CRDS or (faults(template), faults(workflow)) == ([], [])


def test_an_approval_is_asked_for_where_the_generator_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert rendered("--approval") == 0

    parameters = yaml.safe_load_all(capsys.readouterr().out).__next__()["spec"]["arguments"]["parameters"]
    assert {each["name"]: each["value"] for each in parameters}["approval"] == "yes"


def test_stages_that_a_release_can_do_without_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert rendered("--stages", "acquire,start,analysis,promote,shift-back,finalise") == 0

    template = yaml.safe_load_all(capsys.readouterr().out).__next__()
    steps = template["spec"]["templates"][0]["steps"]
    names = ["check-load", "acquire", "start", "taken-over", "analysis", "promote", "shift-back", "finalise"]
    assert [step["name"] for group in steps for step in group] == names


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stages", "acquire,guess"], "unknown stage 'guess'; known: acquire, initialise, start"),
        (["--stages", "acquire,start,analysis"], "no release ends safe without promote, shift-back, finalise"),
        (["--stages", "acquire,start,analysis,promote,shift-back,finalise", "--approval"], "name approval among them"),
        (["--engine-version", "3.5.1"], "Argo Workflows 3.5.1 knows no `synchronization.mutexes`"),
        (["--engine-version", "v3.7"], "it takes 4.0.0 or newer"),
        (["--engine-version", "new"], "'new' is not a version of Argo Workflows"),
    ],
)
def test_what_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    assert rendered(*options) == 78

    ended = capsys.readouterr()
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert said in ended.err


def test_an_engine_that_is_new_enough_is_written_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert rendered("--engine-version", "v4.1.2") == 0

    assert "kind: WorkflowTemplate" in capsys.readouterr().out


def test_a_page_of_each_stage_is_kept_where_it_is_asked_for() -> None:
    template = yaml.safe_load(str(argo.write_argo(plan(), Shape(report=True))[0]))
    stage = next(each for each in template["spec"]["templates"] if each["name"] == "stage")
    (page,) = stage["outputs"]["artifacts"]
    assert page["optional"] is True
    assert stage["container"]["args"][-2:] == ["--report", page["path"]]
    assert not CRDS or faults(template) == []


def test_tags_of_the_engine_name_only_what_it_knows() -> None:
    for _, tag in TAG.findall(yaml.safe_dump(written(plan())[0], width=1000)):
        assert tag.split(".")[0] in {"workflow", "steps", "inputs"}


def test_the_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "argo", "--canary", "examples/ad-service/canary.yaml", "-o", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"workflow-template.yaml", "workflow.yaml"}
    assert str(tmp_path) in capsys.readouterr().out


def test_the_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    for kind in (["argo"], ["rbac", "--engine", "argo"]):
        assert main(["render", *kind, "--canary", "examples/ad-service/canary.yaml", "-o", str(tmp_path)]) == 0
    shipped = {path.name: path.read_text() for path in Path("examples/argo").glob("*.yaml")}
    assert shipped == {path.name: path.read_text() for path in tmp_path.iterdir()}


def test_every_account_of_the_pods_may_tell_argo_what_they_left() -> None:
    objects = list(yaml.safe_load_all(Path("examples/argo/rbac.yaml").read_text()))
    template = written(canary.load(Path("examples/ad-service/canary.yaml")))[0]
    accounts = {template["spec"]["serviceAccountName"]}
    accounts |= {each["serviceAccountName"] for each in template["spec"]["templates"] if "serviceAccountName" in each}
    rights = {each["metadata"]["name"]: each["rules"] for each in objects if each["kind"] == "Role"}
    executor = next(name for name in rights if rights[name][0]["resources"] == ["workflowtaskresults"])
    bound = {each["roleRef"]["name"]: each["subjects"] for each in objects if each["kind"] == "RoleBinding"}

    assert rights[executor] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]
    assert {each["name"] for each in bound[executor]} == accounts
    assert accounts == {each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"}


def test_who_makes_load_has_no_right_of_a_release() -> None:
    objects = list(yaml.safe_load_all(Path("examples/argo/rbac.yaml").read_text()))
    account = templates(plan())["load-test"]["serviceAccountName"]
    roles = [
        each["roleRef"]["name"]
        for each in objects
        if each["kind"] == "RoleBinding" and account in {subject["name"] for subject in each["subjects"]}
    ]

    assert roles == ["penstock-ad-executor"]


@EVERY_PLAN
@pytest.mark.parametrize("value", ["", "0", "40", "promote"])
def test_every_node_has_a_name_that_the_engine_takes_whatever_the_weight(plan: RolloutPlan, value: str) -> None:
    shown = [
        re.sub(r"\{\{[^{}]+\}\}", value, each["value"])
        for _, step in calls(plan)
        for each in step.get("arguments", {}).get("parameters", [])
        if each["name"] == "shown"
    ]

    assert shown
    assert [name for name in shown if not NODE_NAME.fullmatch(name)] == []


@EVERY_PLAN
def test_every_pod_is_shown_by_the_name_that_it_is_given(plan: RolloutPlan) -> None:
    named = {name for name, each in templates(plan).items() if "annotations" in each}

    assert named == {name for name, each in templates(plan).items() if "container" in each}
    assert all(templates(plan)[name]["annotations"] == SHOWN for name in named)


def ladder(count: int, **settings: object) -> RolloutPlan:
    return plan(analysis(weights=tuple(range(1, count + 1)), **settings))


@pytest.mark.parametrize("write", [argo.write_argo, lambda plan: write_argo_plugin(plan, Shape(), "penstock:1")])
def test_more_weights_than_the_engine_can_nest_are_refused(write: Callable[[RolloutPlan], object]) -> None:
    write(ladder(96))

    with pytest.raises(ConfigurationError, match=r"97 weights, of which Argo Workflows can take 96.*larger stepWeight"):
        write(ladder(97))
    with pytest.raises(ConfigurationError, match="97 weights"):
        write(ladder(96, mirror_percent=100))


@pytest.mark.parametrize(
    ("write", "hours"),
    [
        (argo.write_argo, 24),
        (lambda plan: write_argo_plugin(plan, Shape(), "penstock:1"), 24),
        (tekton.write_tekton, 23),
    ],
)
def test_judgements_that_outlast_the_pipeline_are_refused(write: Callable[[RolloutPlan], object], hours: int) -> None:
    write(ladder(30, interval=timedelta(minutes=45)))

    with pytest.raises(ConfigurationError, match=rf"32 judgements of 0:45:00 each.* ends after {hours} hours; take"):
        write(ladder(32, interval=timedelta(minutes=45)))
    with pytest.raises(ConfigurationError, match="25 judgements of 1:00:00 each"):
        write(blue_green(25, interval=timedelta(hours=1)))
