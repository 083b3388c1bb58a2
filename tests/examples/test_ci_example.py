"""The examples for GitHub Actions and GitLab CI: their shell lines, against a real service and a cluster."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.releases import Stage
from tests.examples.pipelines import Shell, github, gitlab
from tests.manifests.schemas import faults, needs_definitions
from tests.verdicts.listening import listening
from tests.verdicts.two_arms import Prometheus
from tests.webhooks.bench import AdService
from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause, RolloutState
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place

EXAMPLE = Path("examples/ci")
SHELL_OF = {"github-actions.yaml": github, "gitlab-ci.yaml": gitlab}
Release = Callable[[str, str], Shell]


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / name).read_text())
    return found


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The files as a job has them, in the namespace of the test's cluster; give the pipelines."""
    pipelines = {name: yaml.safe_load((EXAMPLE / name).read_text().replace("weather", "test")) for name in SHELL_OF}
    (tmp_path / EXAMPLE).mkdir(parents=True)
    (tmp_path / EXAMPLE / "canary.yaml").write_text((EXAMPLE / "canary.yaml").read_text().replace("weather", "test"))
    monkeypatch.chdir(tmp_path)
    return pipelines


@pytest.fixture
def service(unreleased: Stage, prometheus: Prometheus, tmp_path: Path) -> Iterator[str]:
    """The service that is asked: beside the cluster, and a Prometheus that has counted both arms."""
    for arm in prometheus.traffic.arms:
        arm.namespace = "test"
    made = serving.create(Settings(data_dir=tmp_path / "serve"), prometheus=prometheus.url, cluster=unreleased.cluster)
    with listening(made) as url:
        yield url
    made.extensions[SERVICE].store.close()


@pytest.fixture
def release(checkout: dict[str, dict[str, Any]], unreleased: Stage, service: str) -> Release:
    """Set an image and run the release of one of the files."""
    where = ["--platform", "kubernetes", "--kubeconfig", str(unreleased.kubeconfig)]
    assert main(["stage", "initialise", "--file", "examples/ci/canary.yaml", *where]) == 0
    here = {
        "http://prometheus.istio-system:9090": f"{unreleased.prometheus} --interval 50ms {' '.join(where[2:])}",
        "http://penstock.test": service,
    }

    def run(name: str, version: str) -> Shell:
        unreleased.set_image(version)
        return SHELL_OF[name](checkout[name], "release", here)

    return run


@pytest.mark.parametrize("name", SHELL_OF)
def test_a_good_version_is_promoted(release: Release, unreleased: Stage, name: str) -> None:
    shell = release(name, "v2")

    assert {code for _, code in shell.ran} == {0}
    assert [line for line, _ in shell.ran].count("penstock verdict examples/ci/canary.yaml") == 2
    assert (unreleased.image("ad-primary"), unreleased.home()) == ("ad:v2", True)


def test_a_verdict_that_is_no_pass_sends_the_traffic_home(
    release: Release, unreleased: Stage, prometheus: Prometheus
) -> None:
    prometheus.traffic.canary.errors = 0.2

    shell = release("github-actions.yaml", "v2")

    assert shell.ran[-2:] == [("penstock verdict examples/ci/canary.yaml", 10), ("penstock stage finish", 10)]
    assert (unreleased.image("ad-primary"), unreleased.home()) == ("ad:v1", True)


def test_a_judgement_that_says_no_ends_the_job(release: Release, unreleased: Stage) -> None:
    shell = release("gitlab-ci.yaml", "v3")

    assert shell.ran[-2:] == [("penstock stage gate", 10), ("penstock stage finish", 10)]
    assert (unreleased.image("ad-primary"), unreleased.home()) == ("ad:v1", True)


def test_a_job_waits_for_the_verdict_on_a_release_of_somebody_else(
    checkout: dict[str, dict[str, Any]], unreleased: Stage, service: str
) -> None:
    store = KubernetesStateStore(unreleased.cluster, Place("test", "ad"), SystemClock())
    store.save(RolloutState(Phase.FAILED, cause=Cause.CHECKS), store.acquire("somebody", timedelta(minutes=1)))

    shell = gitlab(checkout["gitlab-ci.yaml"], "verdict", {"http://penstock.test": service})

    assert shell.ran == [("penstock verdict --canary", 10)]


@pytest.fixture
def ad() -> Iterator[AdService]:
    with AdService() as server:
        yield server


def test_the_load_is_made_and_leaves_its_report(
    checkout: dict[str, dict[str, Any]], ad: AdService, tmp_path: Path
) -> None:
    (line,) = checkout["gitlab-ci.yaml"]["load"]["script"]
    environ = {**os.environ, "STAGING": f"http://{ad.address}", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

    # A busy machine is no fault of the line.
    shorter = line.replace("--duration 1m", "--duration 1s").replace("p(99)<500", "p(99)<5000")
    done = subprocess.run(["bash", "-eu", "-c", shorter], cwd=tmp_path, env=environ, timeout=60, check=False)

    assert done.returncode == 0
    assert (tmp_path / "load-report" / "report.html").is_file()
    assert line in [step.get("run") for step in checkout["github-actions.yaml"]["jobs"]["load"]["steps"]]


@needs_definitions
def test_flagger_would_know_every_field_of_the_canary() -> None:
    assert faults(document("canary.yaml")) == []


def test_nothing_is_to_be_said_of_the_canary() -> None:
    assert main(["lint", str(EXAMPLE / "canary.yaml")]) == 0
