"""The templates that are shipped for all canaries: what the generator writes, valid, calling commands that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.commands import accept
from tests.manifests.schemas import faults, needs_definitions
from workflows.cli import main
from workflows.manifests.argo import write_library

SHIPPED = Path("workflows/argo")
SMALL = ["load-test", "integration-test", "metric-gate", "wait-for-flagger", "approval"]
TAG = re.compile(r"\{\{(=?)([^{}]+)\}\}")


def library(*, cluster_wide: bool = False) -> dict[str, dict[str, Any]]:
    documents = write_library(cluster_wide=cluster_wide)
    return {each.name.removesuffix(".yaml"): yaml.safe_load(str(each)) for each in documents}


def test_there_is_a_release_and_a_small_template_for_each_use() -> None:
    assert list(library()) == ["canary-release", *SMALL]


@pytest.mark.parametrize("options", [[], ["--cluster-wide"]], ids=["one namespace", "all namespaces"])
def test_what_is_shipped_is_what_the_generator_writes(tmp_path: Path, options: list[str]) -> None:
    assert main(["render", "argo-templates", *options, "-o", str(tmp_path)]) == 0

    folder = SHIPPED / "cluster-wide" if options else SHIPPED
    assert {path.name: path.read_text() for path in folder.glob("*.yaml")} == {
        path.name: path.read_text() for path in tmp_path.iterdir()
    }


@needs_definitions
@pytest.mark.parametrize("cluster_wide", [False, True])
def test_the_engine_knows_every_field_of_the_library(*, cluster_wide: bool) -> None:
    found = {name: faults(document) for name, document in library(cluster_wide=cluster_wide).items()}

    assert not any(found.values()), found


@pytest.mark.parametrize("name", SMALL)
def test_a_small_template_is_a_workflow_of_its_own_and_asks_for_nothing_else(name: str) -> None:
    spec = library()[name]["spec"]
    (small,) = spec["templates"]
    inputs = {each["name"]: each for each in small["inputs"]["parameters"]}

    assert spec["entrypoint"] == small["name"] == name
    assert {each["name"]: each.get("value") for each in spec["arguments"]["parameters"]} == {
        key: each.get("value") for key, each in inputs.items()
    }
    assert all(each["description"] for each in inputs.values())
    assert {tag for _, tag in TAG.findall(yaml.safe_dump(small, width=1000))} == {
        f"inputs.parameters.{key}" for key in inputs if key != "approve"
    }


@pytest.mark.parametrize("name", ["canary-release", *SMALL])
def test_every_pod_calls_a_command_that_is_there_and_is_confined(name: str) -> None:
    document = library()[name]
    for container in (each["container"] for each in document["spec"]["templates"] if "container" in each):
        accept(container["args"])
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert document["spec"]["securityContext"]["runAsNonRoot"] is True


def test_one_release_of_a_canary_runs_at_a_time_whichever_it_is() -> None:
    spec = library()["canary-release"]["spec"]
    named = "canary-{{workflow.parameters.namespace}}-{{workflow.parameters.canary}}"

    assert spec["synchronization"]["mutexes"] == [{"name": named}]
    assert {each["name"] for each in spec["arguments"]["parameters"] if "value" not in each} == {"canary", "namespace"}


def test_the_release_of_any_canary_refuses_one_that_it_has_no_room_for() -> None:
    stage = next(each for each in library()["canary-release"]["spec"]["templates"] if each["name"] == "stage")

    assert stage["container"]["args"][-2:] == ["--most-weights", "96"]
