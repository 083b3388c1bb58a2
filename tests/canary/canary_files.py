"""Build Canary files for the tests: a sound one, and variations of it."""

import copy
import os
from pathlib import Path
from typing import Any

import yaml

from workflows.canary import Finding, Level, Reading, read
from workflows.rollout.plan import RolloutPlan

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE_FILES = sorted([*EXAMPLES.glob("canaries/*.yaml"), EXAMPLES / "ad-service" / "canary.yaml"])
CRDS = os.environ.get("PENSTOCK_CRDS", "")

GONE = object()
ITERATIONS = {"stepWeight": GONE, "iterations": 5}
BASE: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "ad", "namespace": "weather"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
        "service": {"port": 3003},
        "analysis": {"interval": "40s", "threshold": 3, "stepWeight": 20},
    },
}


def vary(path: str = "", changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Copy the sound document and change fields below a path; GONE takes one away."""
    document = copy.deepcopy(BASE)
    place = document
    for key in filter(None, path.split(".")):
        place = place.setdefault(key, {})
    place.update(changes or {})
    for key in [key for key, value in place.items() if value is GONE]:
        del place[key]
    return document


def read_with(path: str, changes: dict[str, Any]) -> Reading:
    """Read the sound document with changes below a path."""
    return read(yaml.safe_dump(vary(path, changes)))


def read_analysis(**changes: Any) -> Reading:
    """Read the sound document with changes of its analysis."""
    return read_with("spec.analysis", changes)


def read_spec(**changes: Any) -> Reading:
    """Read the sound document with changes of its spec."""
    return read_with("spec", changes)


def plan_of(reading: Reading) -> RolloutPlan:
    """Give the plan of a reading that must have one."""
    assert reading.plan, [str(finding) for finding in reading.findings]
    return reading.plan


def errors(reading: Reading) -> list[str]:
    """List the errors as lines."""
    return [str(finding) for finding in reading.findings if finding.severity is Level.ERROR]


def warnings(reading: Reading) -> list[str]:
    """List the warnings as lines."""
    return [str(finding) for finding in reading.findings if finding.severity is Level.WARNING]


def only(reading: Reading) -> Finding:
    """Give the only finding there is."""
    assert len(reading.findings) == 1, [str(finding) for finding in reading.findings]
    return reading.findings[0]
