"""What GitOps tools must leave alone, as `penstock render` writes it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rollout_story import plan
from workflows.cli import main
from workflows.manifests import gitops
from workflows.rollout.plan import Reference, RolloutPlan

CANARY = "examples/ad-service/canary.yaml"


def differences(plan: RolloutPlan) -> dict[str, list[str]]:
    (document,) = gitops.write_argocd(plan)
    (application,) = document.objects
    return {each["kind"]: each["jsonPointers"] for each in application["spec"]["ignoreDifferences"]}


def patches(plan: RolloutPlan) -> dict[str, dict[str, Any]]:
    (document,) = gitops.write_flux(plan)
    (kustomization,) = yaml.safe_load_all(str(document))
    return {each["target"]["kind"]: yaml.safe_load(each["patch"]) for each in kustomization["spec"]["patches"]}


def test_argo_cd_leaves_replicas_selectors_and_weights_alone() -> None:
    assert differences(plan()) == {
        "Deployment": ["/spec/replicas"],
        "Service": ["/spec/selector"],
        "VirtualService": ["/spec/http", "/spec/tcp"],
    }


@pytest.mark.parametrize(
    ("provider", "kind"),
    [("gatewayapi:v1", "HTTPRoute"), ("linkerd", "HTTPRoute"), ("contour", "HTTPProxy"), ("traefik", "TraefikService")],
)
def test_each_mesh_has_its_own_route(provider: str, kind: str) -> None:
    assert kind in differences(plan(provider=provider))


def test_without_a_mesh_there_is_no_route() -> None:
    assert set(differences(plan(provider="kubernetes"))) == {"Deployment", "Service"}


def test_a_daemon_set_is_scaled_by_its_node_selector() -> None:
    found = differences(plan(target=Reference("DaemonSet", "ad", "apps/v1")))
    assert found["DaemonSet"] == ["/spec/template/spec/nodeSelector"]


def test_a_service_as_target_is_not_scaled() -> None:
    assert set(differences(plan(target=Reference("Service", "ad", "v1")))) == {"Service", "VirtualService"}


def test_a_scaled_object_is_paused_by_its_annotation() -> None:
    found = differences(plan(autoscaler=Reference("ScaledObject", "ad")))
    assert found["ScaledObject"] == ["/metadata/annotations/autoscaling.keda.sh~1paused-replicas"]


def test_flux_no_longer_applies_replicas_and_only_creates_what_a_release_writes() -> None:
    found = patches(plan())
    assert found["Deployment"]["spec"] == {"replicas": None}
    assert found["VirtualService"]["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}


def test_documents_go_to_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "argocd", "--canary", CANARY]) == 0
    assert capsys.readouterr().out.startswith("# Merge this into the Application")


def test_documents_go_to_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "flux", "--canary", CANARY, "-o", str(tmp_path / "out")]) == 0
    written = tmp_path / "out" / "flux-kustomization.yaml"
    assert capsys.readouterr().out == f"{written}\n"
    assert yaml.safe_load(written.read_text())["kind"] == "Kustomization"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["render", "flux", "--canary", CANARY, "-o", str(tmp_path / "file")]) == 78
    assert "name another folder with --output" in capsys.readouterr().err


def test_a_file_with_faults_renders_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "canary.yaml").write_text("kind: Canary\n")
    assert main(["render", "argocd", "--canary", str(tmp_path / "canary.yaml")]) == 78
    assert capsys.readouterr().out == ""
