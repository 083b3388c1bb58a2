"""The AnalysisTemplates for Argo Rollouts: valid for the engine, whole in their args, and safe."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.schemas import faults, needs_definitions
from tests.rollout_story import ab_test, analysis, blue_green, plan
from workflows import canary
from workflows.cli import main
from workflows.errors import ConfigurationError
from workflows.manifests import rollouts
from workflows.metrics.lens import look_by_hashes
from workflows.metrics.queries import Revisions
from workflows.metrics.series import SERIES
from workflows.rollout.plan import Check, Judge, Limits, Reference, RolloutPlan

TARGET = Reference("Deployment", "ad", "apps/v1")
PLANS = {
    "canary": plan(target=TARGET),
    "evidence": plan(target=TARGET, judge=Judge.EVIDENCE),
    "a/b": replace(ab_test(), target=TARGET),
    "nginx": plan(
        target=TARGET, provider="nginx", references={"ingressRef": Reference("Ingress", "ad", "networking.k8s.io/v1")}
    ),
}
EVERY_PLAN = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
TAG = re.compile(r"\{\{(.*?)\}\}")
FILE = "examples/ad-service/canary.yaml"


def written(capsys: pytest.CaptureFixture[str], *words: str, file: str = FILE) -> dict[str, dict[str, Any]]:
    """Give what is rendered, by name."""
    assert main(["render", "rollouts", "--canary", file, *words]) == 0
    documents = yaml.safe_load_all(capsys.readouterr().out)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


def templates(plan: RolloutPlan) -> list[dict[str, Any]]:
    asking = rollouts.Asking("http://penstock", rollouts._choose_window(plan, None), "penstock-token")
    documents = (each for document in rollouts.write_rollouts(plan, asking) for each in document.objects)
    return [dict(each) for each in documents if each["kind"] == "AnalysisTemplate"]


def metric(plan: RolloutPlan) -> dict[str, Any]:
    found: dict[str, Any] = templates(plan)[0]["spec"]["metrics"][0]
    return found


@needs_definitions
@EVERY_PLAN
def test_the_engine_knows_every_field(plan: RolloutPlan) -> None:
    assert [fault for template in templates(plan) for fault in faults(template)] == []


@needs_definitions
def test_a_field_that_the_engine_does_not_have_would_be_found() -> None:
    template = templates(plan(target=TARGET))[0]
    template["spec"]["metrics"][0]["provider"]["web"]["query"] = "x"
    assert "'query' was unexpected" in " ".join(faults(template))


@EVERY_PLAN
def test_every_arg_that_is_used_is_declared_and_no_other(plan: RolloutPlan) -> None:
    for template in templates(plan):
        used = set(TAG.findall(json.dumps(template["spec"]["metrics"])))
        declared = {f"args.{each['name']}" for each in template["spec"].get("args", [])}
        assert used == declared


@EVERY_PLAN
def test_what_is_neither_passed_nor_failed_is_inconclusive(plan: RolloutPlan) -> None:
    found = metric(plan)
    assert found["successCondition"] == "result.ok == true"
    assert found["failureCondition"] == 'result.verdict == "failed"'
    assert found["provider"]["web"]["jsonPath"] == "{$}"


def test_the_limits_are_those_of_flaggers_threshold() -> None:
    found = metric(plan(analysis(threshold=5), target=TARGET))
    assert (found["failureLimit"], found["inconclusiveLimit"], found["consecutiveErrorLimit"]) == (4, 4, 4)


def test_evidence_of_harm_fails_at_once_and_may_be_undecided_for_long() -> None:
    found = metric(PLANS["evidence"])
    assert (found["failureLimit"], found["inconclusiveLimit"]) == (0, 36)
    assert found["provider"]["web"]["jsonBody"]["judge"] == "evidence"


@pytest.mark.parametrize("provider", sorted(SERIES.keys() - {"knative"}))
def test_hashes_are_asked_for_where_pods_are_counted(provider: str) -> None:
    arms = plan(target=TARGET, provider=provider)
    asks = "canaryHash" in metric(arms)["provider"]["web"]["jsonBody"]
    try:
        look_by_hashes(arms, Revisions("7d9f", "6c9b"))
    except ConfigurationError:
        assert not asks
    else:
        assert asks


def test_the_pods_of_the_job_form_are_restricted(capsys: pytest.CaptureFixture[str]) -> None:
    job = written(capsys)["AnalysisTemplate/penstock-ad-step"]["spec"]["metrics"][0]["provider"]["job"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]
    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [10, 11, 78]


def test_the_job_form_reads_a_canary_that_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    config = written(capsys)["ConfigMap/penstock-ad-step"]
    found = canary.parse(config["data"]["canary.yaml"], "config")
    assert found.analysis.checks == canary.load(FILE).analysis.checks


def test_a_token_comes_from_a_secret_alone(capsys: pytest.CaptureFixture[str]) -> None:
    found = written(capsys, "--secret", "penstock-token", "--image", "registry.test/penstock:1.0", "--window", "90s")
    web = found["AnalysisTemplate/penstock-ad"]["spec"]
    assert web["args"][-1]["valueFrom"]["secretKeyRef"] == {"name": "penstock-token", "key": "token"}
    assert web["metrics"][0]["provider"]["web"]["headers"] == [
        {"key": "Authorization", "value": "Bearer {{args.token}}"}
    ]
    (container,) = found["AnalysisTemplate/penstock-ad-step"]["spec"]["metrics"][0]["provider"]["job"]["spec"][
        "template"
    ]["spec"]["containers"]
    assert container["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "penstock-token"
    assert (container["image"], container["args"][5]) == ("registry.test/penstock:1.0", "90s")


def test_queries_of_its_own_are_left_out_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "rollouts", "--canary", "examples/canaries/step-weights.yaml"])
    shown = capsys.readouterr().out
    assert "# Left out, for they ask queries of their own: not-found." in shown
    assert "name: not-found" not in shown


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (plan(provider="knative"), "knative has no Argo Rollouts"),
        (blue_green(), "there is no limit to judge by"),
        (plan(analysis(checks=(Check("own", Limits(maximum=1), query="x"),))), "there is no limit to judge by"),
    ],
)
def test_what_cannot_be_asked_is_refused(broken: RolloutPlan, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        templates(broken)


@pytest.mark.parametrize("name", ["{{args.x}}", 'a"b', "a\nb", "a'b", "$(x)", "", "A"])
def test_a_name_that_would_break_a_manifest_is_refused(name: str) -> None:
    for broken in (plan(name=name), plan(namespace=name)):
        with pytest.raises(ConfigurationError, match="not a name that can stand in a manifest"):
            templates(broken)


@pytest.mark.parametrize(
    "words",
    [
        ["--secret", "{{x}}"],
        ["--secret", "a b"],
        ["--image", "{{x}}"],
        ["--window", "soon"],
        ["--window", "1s"],
        ["--window", "10.5s"],
    ],
)
def test_an_option_that_would_break_a_manifest_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "rollouts", "--canary", FILE, *words]) == 78
    assert words[0] in capsys.readouterr().err


def test_the_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "rollouts", "--canary", FILE, "-o", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"web.yaml", "job.yaml"}
    assert str(tmp_path) in capsys.readouterr().out
