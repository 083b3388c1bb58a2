"""The catalog of tasks and step actions: what the generator writes, in catalog layout, valid, calling what exists."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.commands import accept
from tests.manifests.schemas import faults, needs_definitions
from workflows.cli import main
from workflows.cli.results import write_results
from workflows.manifests.tekton import write_catalog

SHIPPED = Path("workflows/tekton")
FILES = {each.name: str(each) for each in write_catalog()}
OBJECTS: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in FILES.items() if name[-4:] == "yaml"}
TASKS = [name for name, each in OBJECTS.items() if each["kind"] == "Task" and "samples" not in name]
ACTIONS = [name for name, each in OBJECTS.items() if each["kind"] == "StepAction"]


def test_what_is_shipped_is_what_the_generator_writes(tmp_path: Path) -> None:
    assert main(["render", "tekton-catalog", "-o", str(tmp_path)]) == 0

    assert {str(path.relative_to(SHIPPED)): path.read_text() for path in SHIPPED.rglob("*.*") if path.is_file()} == {
        str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.*") if path.is_file()
    }


@needs_definitions
def test_the_engine_knows_every_field_of_the_catalog() -> None:
    assert {name: found for name, each in OBJECTS.items() if (found := faults(each))} == {}


@pytest.mark.parametrize("name", [*TASKS, *ACTIONS])
def test_an_entry_has_its_page_and_its_sample_and_says_what_it_needs(name: str) -> None:
    kind, called, version, file = name.split("/")
    each = OBJECTS[name]
    sample = "run" if kind == "task" else "task"
    annotations = each["metadata"]["annotations"]

    assert (file, each["metadata"]["name"]) == (f"{called}.yaml", called)
    assert each["metadata"]["labels"]["app.kubernetes.io/version"] == version
    assert {f"{kind}/{called}/{version}/{other}" for other in ("README.md", f"samples/{sample}.yaml")} <= FILES.keys()
    assert {"tekton.dev/pipelines.minVersion", "artifacthub.io/license"} <= annotations.keys()


@pytest.mark.parametrize("name", [*TASKS, *ACTIONS])
def test_a_sample_gives_what_its_entry_asks_for(name: str) -> None:
    folder = name.rpartition("/")[0]
    spec = OBJECTS[name]["spec"]
    asked = {each["name"] for each in spec["params"] if "default" not in each}
    sample = OBJECTS.get(f"{folder}/samples/run.yaml") or OBJECTS[f"{folder}/samples/task.yaml"]
    account = sample["spec"].get("serviceAccountName")
    assert account == (None if "steps" in sample["spec"] or "podTemplate" in sample["spec"] else "penstock-ad")
    using = sample["spec"]["steps"][0] if "steps" in sample["spec"] else sample["spec"]

    assert {each["name"] for each in using["params"]} == asked
    assert all(each["value"] for each in using["params"])
    assert {each["name"] for each in using.get("workspaces", [])} == {w["name"] for w in spec.get("workspaces", [])}


@pytest.mark.parametrize("name", [*TASKS, *ACTIONS])
def test_an_entry_calls_a_command_that_is_there_and_has_no_script(name: str) -> None:
    spec = OBJECTS[name]["spec"]
    (step,) = spec.get("steps", [spec])

    accept(step["args"])
    assert (step["command"], "script" in step) == (["penstock"], False)
    assert step["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("letter", ["x", "<", '"', "\\", "\n", "é", "漢", "\U0001f600", "\ud800"])
def test_a_huge_reason_leaves_room_for_all_results(tmp_path: Path, letter: str) -> None:
    long = letter * 100_000
    write_results(
        tmp_path, {"phase": "Failed", "canary_weight": 100, "next": "", "outcome": "failed", "reason": long}, long
    )

    results = [
        {"key": path.name, "value": path.read_bytes().decode(), "type": 1} for path in sorted(tmp_path.iterdir())
    ]
    written = json.dumps(results, ensure_ascii=False).replace("<", r"\u003c")
    assert len(written.encode()) < 4096 - 512
