"""The example for Argo Rollouts: its template is evaluated against the real endpoint."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.analysis_run import assess, measure, resolve
from tests.manifests.schemas import faults, needs_definitions
from tests.verdicts.two_arms import Arm, Prometheus
from workflows.cli import main
from workflows.cli.verdict import main as verdict
from workflows.clocks import MemoryClock

EXAMPLE = Path("examples/rollouts")
HASHES = {"primary-hash": "7d9f", "canary-hash": "6c9b"}


def documents(name: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all((EXAMPLE / name).read_text())}


@pytest.fixture
def metric() -> dict[str, Any]:
    return resolve(documents("web.yaml")["AnalysisTemplate"], {**HASHES, "token": "pst_read"})


@pytest.fixture
def arms(prometheus: Prometheus) -> Prometheus:
    """The pods of a Rollout: one workload, two hashes."""
    prometheus.traffic.primary = Arm("ad", "ad-7d9f-aaaaa", rps=40.0)
    prometheus.traffic.canary = Arm("ad", "ad-6c9b-bbbbb")
    return prometheus


TRAFFIC = pytest.mark.parametrize(
    ("traffic", "told"),
    [({}, ("Successful", 0)), ({"errors": 0.05}, ("Failed", 10)), ({"rps": 0.0}, ("Inconclusive", 11))],
)


@TRAFFIC
def test_each_verdict_is_the_measurement_of_its_name(
    metric: dict[str, Any], arms: Prometheus, service: str, traffic: dict[str, float], told: tuple[str, int]
) -> None:
    vars(arms.traffic.canary).update(traffic)

    assert measure(metric, service) == told[0]


@TRAFFIC
def test_the_pod_of_the_job_form_ends_with_the_verdict(
    arms: Prometheus, service: str, tmp_path: Path, traffic: dict[str, float], told: tuple[str, int]
) -> None:
    vars(arms.traffic.canary).update(traffic)

    assert wait_in_a_job(service, tmp_path / "canary.yaml") == told[1]


class Leaping(MemoryClock):
    """Let a minute pass where a second was asked for."""

    def sleep(self, duration: timedelta) -> None:
        super().sleep(60 * duration)


def wait_in_a_job(service: str, config: Path) -> int:
    """Run the command of the Job form, as its pod would, with a clock that does not wait."""
    found = documents("job.yaml")
    job = resolve(found["AnalysisTemplate"], HASHES)["provider"]["job"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == ["penstock"]
    command, file, *words = container["args"]
    assert (command, file) == ("verdict", "/etc/penstock/canary.yaml")
    config.write_text(found["ConfigMap"]["data"]["canary.yaml"])
    there = {"http://penstock.weather": service}
    return verdict([str(config), *(there.get(each, each) for each in words)], Leaping())


def test_a_service_that_is_away_is_an_error_and_no_verdict(
    metric: dict[str, Any], arms: Prometheus, service: str
) -> None:
    arms.traffic.away = True

    assert measure(metric, service) == "Error"


def test_harm_ends_the_run_at_once_and_doubt_pauses_it_after_a_while(metric: dict[str, Any]) -> None:
    assert assess(metric, ["Successful", "Failed"]) == "Failed"
    assert assess(metric, ["Inconclusive"] * 12) == "Running"
    assert assess(metric, ["Inconclusive"] * 13) == "Inconclusive"
    assert assess(metric, ["Error"] * 4 + ["Successful"] + ["Error"] * 4) == "Running"
    assert assess(metric, ["Error"] * 5) == "Error"


@needs_definitions
def test_the_engine_knows_every_field() -> None:
    assert faults(documents("web.yaml")["AnalysisTemplate"]) == []
    assert faults(documents("job.yaml")["AnalysisTemplate"]) == []


def test_the_templates_are_what_the_generator_writes(tmp_path: Path) -> None:
    written = ["render", "rollouts", "--canary", str(EXAMPLE / "canary.yaml"), "--secret", "penstock-token"]
    assert main([*written, "-o", str(tmp_path)]) == 0
    for path in tmp_path.iterdir():
        assert path.read_text() == (EXAMPLE / path.name).read_text()


def test_the_rollout_gives_every_arg_that_has_no_value() -> None:
    canary = documents("rollout.yaml")["Rollout"]["spec"]["strategy"]["canary"]
    analyses = [canary["analysis"], *(step["analysis"] for step in canary["steps"] if "analysis" in step)]
    templates = {each["metadata"]["name"]: each for each in map(_template, ("web.yaml", "job.yaml"))}
    assert {each["templates"][0]["templateName"] for each in analyses} == templates.keys()
    for analysis in analyses:
        template = templates[analysis["templates"][0]["templateName"]]
        asked = {each["name"] for each in template["spec"]["args"] if "valueFrom" not in each}
        assert {each["name"] for each in analysis["args"]} == asked


def _template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = documents(name)["AnalysisTemplate"]
    return found
