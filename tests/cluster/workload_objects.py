"""A service to release, as the tests of workloads have it: its manifests, its plan, and who writes."""

import copy
from dataclasses import replace
from datetime import timedelta

from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE, Kind, Manifest
from workflows.cluster.pen import Pen
from workflows.rollout.plan import Analysis, Autoscaler, Reference, RolloutPlan, Service
from workflows.workloads.kubernetes.workload import KubernetesWorkload

NAMESPACE = "test"
HPA = Autoscaler("HorizontalPodAutoscaler", "ad", "autoscaling/v2")
SCALED = Autoscaler("ScaledObject", "ad", "keda.sh/v1alpha1")


def plan(**changes: object) -> RolloutPlan:
    whole = RolloutPlan(
        name="ad",
        namespace=NAMESPACE,
        target=Reference("Deployment", "ad", "apps/v1"),
        service=Service("ad", 80, 8080),
        analysis=Analysis(timedelta(seconds=10), threshold=3, weights=(50,)),
    )
    return replace(whole, **changes)


def deployment(image: str = "ad:v1", *, replicas: int | None = 2, pod: Manifest | None = None) -> Manifest:
    container = {"name": "ad", "image": image}
    template = {"metadata": {"labels": {"app": "ad"}}, "spec": {"containers": [container], **(pod or {})}}
    spec = {"selector": {"matchLabels": {"app": "ad"}}, "template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"metadata": {"name": "ad", "namespace": NAMESPACE, "labels": {"app": "ad"}}, "spec": spec}


def daemon_set() -> Manifest:
    return deployment(replicas=None)


def config_map(name: str, *, data: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}}
    return {"metadata": metadata, "data": data or {"limit": "1"}}


def service(name: str, selector: dict[str, str]) -> Manifest:
    spec = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def autoscaler(*, fewest: int | None = 1, most: int = 10) -> Manifest:
    spec: Manifest = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
        "maxReplicas": most,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    }
    if fewest is not None:
        spec["minReplicas"] = fewest
    return {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": spec}


def scaled_object(query: str = 'sum(rate(hits{app="ad"}[1m]))') -> Manifest:
    trigger = {"type": "prometheus", "name": "rps", "metadata": {"query": query, "threshold": "5"}}
    spec = {"scaleTargetRef": {"name": "ad"}, "minReplicaCount": 1, "maxReplicaCount": 8, "triggers": [trigger]}
    return {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": spec}


class Owner:
    """Whoever owns the service: applies, reads, and has a workload that works for one plan."""

    def __init__(self, cluster: Cluster, of: RolloutPlan | None = None, clock: MemoryClock | None = None) -> None:
        self.cluster = cluster
        self.clock = clock or MemoryClock()
        self.plan = of or plan()
        self.pen = Pen(cluster, NAMESPACE, fence=lambda: 1, guard=lambda: None)
        self.workload = KubernetesWorkload(self.pen, self.plan, self.clock)

    def apply(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object, or give the one there is another spec and data."""
        found = self.cluster.get(kind, NAMESPACE, manifest["metadata"]["name"])
        if found is None:
            return self.cluster.create(
                kind, {"apiVersion": kind.api_version, "kind": kind.kind, **copy.deepcopy(manifest)}
            )
        return self.cluster.replace(
            kind, {**found, **{part: content for part, content in manifest.items() if part != "metadata"}}
        )

    def read(self, kind: Kind, name: str) -> Manifest:
        found = self.cluster.get(kind, NAMESPACE, name)
        assert found is not None, f"{kind} {name} is not there"
        return found

    def release(self, image: str) -> str:
        """Change the target's image and nothing else."""
        found = self.read(DEPLOYMENT, "ad")
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.cluster.replace(DEPLOYMENT, found)
        return self.workload.revision()

    def set_config(self, name: str, **data: str) -> None:
        self.apply(CONFIG_MAP, config_map(name, data=data))

    def serve(self) -> None:
        """Make the services that a router makes."""
        for arm, value in (("primary", "ad-primary"), ("canary", "ad")):
            self.apply(SERVICE, service(f"ad-{arm}", {"app": value}))


def image_of(manifest: Manifest) -> str:
    image: str = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
