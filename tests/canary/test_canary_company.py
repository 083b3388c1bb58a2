"""What stands beside a Canary and would be put back in mid-release, as `penstock lint` tells it."""

from pathlib import Path

import pytest

from workflows.canary import lint

CANARY = """
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: ad, namespace: weather}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: ad}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 3, stepWeight: 20, maxWeight: 60}
"""
SCALED = CANARY.replace(
    "  service:", "  autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: ad}\n  service:"
)
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: ad, namespace: weather}
spec:
  replicas: 3
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: ad, namespace: weather}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: ad}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: ad, namespace: weather}
spec:
  selector: {app: ad}
"""
ROUTE = """
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: ad, namespace: weather}
spec:
  http: []
"""


def told(capsys: pytest.CaptureFixture[str], tmp_path: Path, *texts: str) -> tuple[int, str]:
    paths = [tmp_path / f"{number}.yaml" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    code = lint.main([str(path) for path in paths])
    return code, capsys.readouterr().out.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    "texts", [(SCALED + "---" + DEPLOYMENT,), (SCALED, DEPLOYMENT), (CANARY, DEPLOYMENT, AUTOSCALER)]
)
def test_replicas_under_an_autoscaler_are_warned_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    code, out = told(capsys, tmp_path, *texts)
    assert code == 1
    assert (
        "spec.replicas: 3 is put back whenever this file is applied, and an autoscaler scales it; leave it out" in out
    )


@pytest.mark.parametrize(("text", "place"), [(SERVICE, "spec.selector"), (ROUTE, "spec.http")])
def test_what_a_release_moves_is_warned_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, place: str
) -> None:
    code, out = told(capsys, tmp_path, CANARY, text)
    assert code == 1
    assert out.startswith(f"1.yaml:6: warning: {place}: ")


@pytest.mark.parametrize(
    "text",
    [
        DEPLOYMENT,
        SERVICE.replace("name: ad", "name: shop"),
        SERVICE.replace("namespace: weather", "namespace: elsewhere"),
        SERVICE.replace("  selector: {app: ad}", "  ports: []"),
    ],
)
def test_what_does_not_fight_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    assert told(capsys, tmp_path, CANARY, text) == (0, "")


def test_a_file_without_a_canary_is_no_mistake_beside_one_and_is_one_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert told(capsys, tmp_path, CANARY, DEPLOYMENT)[0] == 0
    assert told(capsys, tmp_path, DEPLOYMENT, AUTOSCALER)[0] == 2
    assert told(capsys, tmp_path, CANARY, DEPLOYMENT.replace("kind: Deployment", "kind: [Deployment"))[0] == 2
