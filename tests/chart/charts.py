"""Render the chart with the real helm: every values file once for each process of the tests."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/penstock"
VALUES = [*sorted(CHART.glob("ci/*-values.yaml")), *sorted(ROOT.glob("examples/*/values.yaml"))]
DEFAULT = CHART / "ci/default-values.yaml"
FULL = CHART / "ci/full-values.yaml"
NAMESPACE = "release-tools"
OPERATOR = ("monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule")

HELM = shutil.which("helm", path=f"{os.environ['PATH']}:{ROOT / 'build'}")
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed (make build/helm)")

Manifest = dict[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def named(path: Path) -> str:
    return path.name.removesuffix("-values.yaml").replace("values.yaml", path.parent.name)


def helm(*words: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm; `values` are given as a file."""
    assert HELM
    given = ["--values", "-"] if values is not None else []
    text = None if values is None else json.dumps(values)
    command = [HELM, *words, *given]
    return subprocess.run(command, input=text, text=True, capture_output=True, timeout=60, check=False)


def attempt(values: Mapping[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Try to render the chart with some values."""
    return helm("template", "penstock", str(CHART), "--namespace", NAMESPACE, *words, values=values)


def render(values: Mapping[str, Any], *words: str) -> list[Manifest]:
    """Render the chart with some values."""
    done = attempt(values, *words)
    assert done.returncode == 0, done.stderr
    return read(done.stdout)


def read(text: str) -> list[Manifest]:
    return [each for each in yaml.load_all(text, Loader=_LOADER) if each]


@functools.cache
def render_file(path: Path, *, operator: bool = True) -> list[Manifest]:
    """Render the chart with a values file, in a cluster that has the Prometheus operator, or has not."""
    known = [f"--api-versions={version}" for version in OPERATOR] if operator else []
    done = helm("template", "penstock", str(CHART), "--namespace", NAMESPACE, "--values", str(path), *known)
    assert done.returncode == 0, done.stderr
    return read(done.stdout)


def pick(objects: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Give the one object of a kind, by its name where there are several."""
    (found,) = [each for each in objects if each["kind"] == kind and name in {"", each["metadata"]["name"]}]
    return found


def kinds(objects: list[Manifest]) -> list[str]:
    return [each["kind"] for each in objects]


def pod_of(workload: Manifest) -> Manifest:
    """Give the pod's spec of a Deployment."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def container_of(objects: list[Manifest], name: str) -> Manifest:
    """Give the first container of a Deployment."""
    container: Manifest = pod_of(pick(objects, "Deployment", name))["containers"][0]
    return container
