"""A release of the ad service in a cluster: the objects of its users, and the commands they give."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import manifests, mesh
from workflows.cli import main
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, LEASE, Manifest
from workflows.errors import ConflictError


def canary(**spec: Any) -> Manifest:
    """The Canary of the ad service: three steps, three failed checks, ticks as short as they can be."""
    analysis = {
        "interval": "10s",
        "threshold": 3,
        "stepWeight": 30,
        "maxWeight": 60,
        "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"}],
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"}
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "metadata": {"name": "ad", "namespace": "test"},
        "spec": {"targetRef": target, "service": {"port": 80}, "analysis": analysis, **spec},
    }


@dataclass(frozen=True, slots=True)
class Stage:
    """Where commands are given: the cluster, its kubeconfig, and its Prometheus."""

    cluster: Cluster
    kubeconfig: Path
    prometheus: str

    def set_up(self, **spec: Any) -> None:
        """Apply the Deployment at v1 and the Canary."""
        self.cluster.create(DEPLOYMENT, manifests.deployment(image="ad:v1"))
        self.cluster.create(CANARY, canary(**spec))

    def set_image(self, version: str) -> None:
        """Do what `kubectl set image` does."""
        for _ in range(20):
            found = self.cluster.get(DEPLOYMENT, "test", "ad")
            assert found
            found["spec"]["template"]["spec"]["containers"][0]["image"] = f"ad:{version}"
            with suppress(ConflictError):  # The kubelet wrote meanwhile.
                self.cluster.replace(DEPLOYMENT, found)
                return
        raise AssertionError("the kubelet never rests")

    def image(self, workload: str) -> str:
        """Tell which version a workload runs."""
        found = self.cluster.get(DEPLOYMENT, "test", workload)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""

    def home(self) -> bool:
        """Tell whether all traffic is the primary's."""
        return mesh.weights(self.cluster)["ad-primary"] == 100

    def status(self) -> Manifest:
        """Give what `kubectl get canaries` shows."""
        found = self.cluster.get(CANARY, "test", "ad")
        return (found or {}).get("status") or {}

    def lease(self) -> Manifest:
        """Give the Lease of the release."""
        return self.cluster.get(LEASE, "test", "penstock-ad") or {}

    def record(self) -> Manifest:
        """Give the ConfigMap of the release."""
        return self.cluster.get(CONFIG_MAP, "test", "penstock-ad") or {}

    def run(self, *more: str) -> int:
        """Run `penstock run` to its end."""
        return main(["run", "--canary", "ad", *self.where(), *self.metrics(), *more])

    def stage(self, *words: str) -> int:
        """Run one stage."""
        return main(["stage", *words, "--canary", "ad", *self.where(), *self.metrics()])

    def where(self) -> list[str]:
        """Say which cluster is meant."""
        return ["-n", "test", "--kubeconfig", str(self.kubeconfig)]

    def metrics(self) -> list[str]:
        """Say how often is looked, and where metrics are asked."""
        return ["--interval", "50ms", "--prometheus", self.prometheus]
