"""CI runs what people run at home, with no more rights than it needs; `make check` holds the files to their schemas."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents import ROOT, targets

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
MAY_WRITE = {("release", "github"): {"contents"}, ("release", "registry"): {"packages"}}

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job["steps"]]


@each_workflow
def test_every_target_that_it_makes_exists(path: Path) -> None:
    made = {target for step in steps(path) for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}

    assert made <= targets()


@each_workflow
def test_every_action_is_pinned(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]

    assert [name for name in used if not re.search(r"@(v\d+|release/v\d+|[0-9a-f]{40})$", name)] == []


@each_workflow
def test_only_the_jobs_that_publish_may_write(path: Path) -> None:
    writing = {
        (path.stem, name): {right for right, way in job.get("permissions", {}).items() if way == "write"} - {"id-token"}
        for name, job in jobs(path).items()
    }

    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
    assert {job: rights for job, rights in writing.items() if rights} == {
        job: rights for job, rights in MAY_WRITE.items() if job[0] == path.stem
    }


@each_workflow
def test_no_expression_of_the_event_stands_in_a_script(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []
