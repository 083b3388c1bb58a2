"""The executor plugin's manifests: valid for the engine, whole in their references, confined, and no more rights."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.schemas import faults, needs_definitions
from tests.rollout_story import plan
from workflows import serving
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests.argo_plugin import write_argo_plugin
from workflows.manifests.pipeline import Shape
from workflows.plugin.calls import Call, Workflow
from workflows.plugin.orders import read_task
from workflows.plugin.settings import PluginSettings
from workflows.plugin.token import TOKEN_FILE

CANARY = "examples/ad-service/canary.yaml"
EXAMPLE = Path("examples/argo/plugin")
FILES = {
    "executor-plugin.yaml",
    "plugin-rbac.yaml",
    "plugin-workflow-alone.yaml",
    "plugin-workflow-template.yaml",
    "plugin-workflow.yaml",
}


@cache
def written() -> dict[str, dict[str, Any]]:
    """Give every object that was shipped, by its kind and name."""
    objects = [each for file in sorted(EXAMPLE.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text())]
    return {f"{each['kind']}/{name_of(each)}": each for each in objects}


def name_of(written: dict[str, Any]) -> str:
    """Give an object's name; a Workflow has none, and may bring the plugin along."""
    if "name" in written["metadata"]:
        return str(written["metadata"]["name"])
    return "alone" if "executorPlugins" in written["spec"] else ""


def container() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(written()["ConfigMap/penstock-executor-plugin"]["data"]["sidecar.container"])
    return found


def templates() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in written()["WorkflowTemplate/canary-release-ad-plugin"]["spec"]["templates"]}


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, template in templates().items():
        for group in template.get("steps", []):
            yield from ((name, step) for step in group)


def test_the_example_is_what_the_generator_writes(tmp_path: Path) -> None:
    assert main(["render", "argo-plugin", "--canary", CANARY, "-o", str(tmp_path)]) == 0

    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in EXAMPLE.glob("*.yaml")}
    assert made.keys() == FILES


@needs_definitions
@pytest.mark.parametrize("name", ["WorkflowTemplate/canary-release-ad-plugin", "Workflow/", "Workflow/alone"])
def test_the_engine_knows_every_field(name: str) -> None:
    assert faults(written()[name]) == []


@needs_definitions
def test_a_field_of_the_container_that_the_engine_does_not_have_would_be_found() -> None:
    workflow = yaml.safe_load(yaml.safe_dump(written()["Workflow/alone"]))
    workflow["spec"]["executorPlugins"][0]["spec"]["sidecar"]["container"]["limits"] = {}

    assert "'limits' was unexpected" in " ".join(faults(workflow))


def test_both_forms_bring_the_same_container() -> None:
    plugin = written()["Workflow/alone"]["spec"]["executorPlugins"][0]

    assert plugin["spec"]["sidecar"] == {"automountServiceAccountToken": True, "container": container()}
    assert written()["ConfigMap/penstock-executor-plugin"]["data"]["sidecar.automountServiceAccountToken"] == "true"


def test_the_container_is_confined_and_can_read_the_token_of_the_agent() -> None:
    security = container()["securityContext"]

    assert (security["runAsUser"], security["runAsNonRoot"], security["readOnlyRootFilesystem"]) == (8737, True, True)
    assert "runAsGroup" not in security
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container()["resources"].keys() == {"requests", "limits"}
    assert f"--port={container()['ports'][0]['containerPort']}" in container()["args"]


def test_the_service_takes_what_the_container_tells_it() -> None:
    asked = serving.make_parser().parse_args(container()["args"][1:])

    assert (asked.argo_plugin, asked.argo_token, asked.host) == (True, TOKEN_FILE, "127.0.0.1")


def test_every_file_of_the_plugin_goes_where_it_may_write() -> None:
    told = {each["name"]: each.get("value") for each in container()["env"]}

    assert (told["HOME"], told["TMPDIR"]) == ("/dev/shm", "/dev/shm")  # noqa: S108 - all that can be written
    assert "--data-dir=/dev/shm/penstock" in container()["args"]


def test_what_runs_on_exit_is_a_pod_and_everything_else_asks_the_plugin() -> None:
    # What only reads the plan of a load does so in a pod.
    asked = {(name, step["template"]) for name, step in steps() if step["name"] != "check-load"}

    assert {callee for name, callee in asked if name == "finish"} == {"stage"}
    assert {callee for name, callee in asked if name != "finish"} == {
        *("plugin-stage", "plugin-load-test", "weight-step", "approval")
    }
    assert "container" in templates()["stage"]
    assert not [name for name, each in templates().items() if "retryStrategy" in each and "plugin" in each]


def test_every_template_that_is_called_is_there_and_gets_what_it_asks_for() -> None:
    for _, step in steps():
        given = {each["name"] for each in step.get("arguments", {}).get("parameters", [])}
        asked = templates()[step["template"]].get("inputs", {}).get("parameters", [])
        assert given <= {each["name"] for each in asked}
        assert {each["name"] for each in asked if not {"value", "default"} & each.keys()} <= given


def test_every_output_that_is_used_has_a_default() -> None:
    used = set(re.findall(r"steps\.[\w-]+\.outputs\.parameters\.([\w-]+)", yaml.safe_dump(list(templates().values()))))
    outputs = {each["name"]: each["valueFrom"] for each in templates()["plugin-stage"]["outputs"]["parameters"]}

    assert used - {"approve"} <= outputs.keys()
    assert all(each == {"default": ""} for each in outputs.values())


@pytest.mark.parametrize(("name", "title"), [("plugin-stage", "set-weight 40"), ("plugin-load-test", "load")])
def test_the_plugin_takes_what_its_templates_ask(name: str, title: str) -> None:
    values = {
        "inputs.parameters.stage": "set-weight",
        "inputs.parameters.value": "40",
        "inputs.parameters.target": "http://ad-canary.weather:3003",
        "inputs.parameters.rate": "10",
        "inputs.parameters.duration": "1m",
        "inputs.parameters.threshold": "http_req_failed: rate<0.05",
        "node.name": "release-ad[1]",
    }
    text = re.sub(
        r"\{\{([^{}]+)\}\}", lambda tag: values.get(tag[1], ""), yaml.safe_dump(templates()[name]["plugin"]["penstock"])
    )

    task = read_task(Call(Workflow("release-ad", "weather", "uid-1"), yaml.safe_load(text)), PluginSettings(""))

    assert task.title == title


def test_the_plugins_account_has_the_rights_of_a_release_and_no_others() -> None:
    binding = written()["RoleBinding/penstock-ad-plugin"]

    assert binding["roleRef"]["name"] == "penstock-ad"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "penstock-executor-plugin", "namespace": "weather"}
    ]
    assert sum("penstock-executor-plugin" in str(each.get("subjects")) for each in written().values()) == 1


def test_argos_agent_may_watch_and_answer_for_its_tasks() -> None:
    rules = {rule["resources"][0]: rule["verbs"] for rule in written()["Role/penstock-ad-argo"]["rules"]}

    assert rules == {
        "workflowtasksets": ["list", "watch"],
        "workflowtasksets/status": ["patch"],
    }
    assert written()["RoleBinding/penstock-ad-argo"]["subjects"][0]["name"] == "penstock-ad"


def test_every_pod_may_tell_argo_what_it_left() -> None:
    (rule,) = written()["Role/penstock-ad-executor"]["rules"]
    bound = {each["name"] for each in written()["RoleBinding/penstock-ad-executor"]["subjects"]}
    spec = written()["WorkflowTemplate/canary-release-ad-plugin"]["spec"]

    assert (rule["resources"], rule["verbs"]) == (["workflowtaskresults"], ["create", "patch"])
    assert bound == {spec["serviceAccountName"], templates()["load-test"]["serviceAccountName"]}


@pytest.mark.parametrize("account", ["penstock-ad", "penstock-executor-plugin"])
def test_every_account_has_the_token_that_argo_looks_for(account: str) -> None:
    secret = written()[f"Secret/{account}.service-account-token"]

    assert secret["type"] == "kubernetes.io/service-account-token"
    assert secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": account}
    assert f"ServiceAccount/{account}" in written()


def test_a_route_that_is_the_clusters_is_the_plugins_too(tmp_path: Path) -> None:
    file = tmp_path / "canary.yaml"
    file.write_text(Path(CANARY).read_text().replace("provider: istio", "provider: kuma"))

    assert main(["render", "argo-plugin", "--canary", str(file), "-o", str(tmp_path)]) == 0

    made = list(yaml.safe_load_all((tmp_path / "plugin-rbac.yaml").read_text()))
    bound = [each["subjects"][0]["name"] for each in made if each["kind"] == "ClusterRoleBinding"]
    assert bound == ["penstock-ad", "penstock-executor-plugin"]


def test_an_engine_that_is_too_old_is_said_before_anything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "argo-plugin", "--canary", CANARY, "--engine-version", "3.7.1"]) == 78
    assert "it takes 4.0.0 or newer" in capsys.readouterr().err


def test_the_image_is_that_which_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "argo-plugin", "--canary", CANARY, "--image", "penstock:1.2.3"]) == 0
    assert capsys.readouterr().out.count("image: penstock:1.2.3") == 2


@pytest.mark.parametrize("image", ["", " ", "a\nb", "penstock:{{workflow.uid}}", "penstock latest", "'", "a: b"])
def test_what_is_no_image_is_refused(capsys: pytest.CaptureFixture[str], image: str) -> None:
    assert main(["render", "argo-plugin", "--canary", CANARY, "--image", image]) == 78

    ended = capsys.readouterr()
    assert (ended.out, ended.err) == ("", f"penstock: --image: {image!r} is not the name of an image\n")


def test_a_name_that_has_no_room_in_a_label_is_refused() -> None:
    named = replace(plan(), name="a" * (63 - len("canary-release--plugin")))
    write_argo_plugin(named, Shape(), "penstock:1")

    with pytest.raises(ConfigurationError, match="64 characters where engines take 63"):
        write_argo_plugin(replace(named, name=f"{named.name}a"), Shape(), "penstock:1")
