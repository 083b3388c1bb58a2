"""What tests of routers begin with: a plan for a provider, the objects its users have, and a router."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from workflows.canary import read
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT, Kind, Manifest
from workflows.cluster.pen import Pen
from workflows.ports import TrafficRouter
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes import build_router
from workflows.routers.kubernetes.apisix import APISIX_ROUTE
from workflows.routers.kubernetes.dialect import Ability, Dialect
from workflows.routers.kubernetes.gateway import V1
from workflows.routers.kubernetes.ingress import INGRESS
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS

NAMESPACE = "test"
SPLITTING = sorted(DIALECTS.keys() - {"knative", "kubernetes"})
MATCHING = [name for name in SPLITTING if Ability.MATCH in DIALECTS[name].abilities]
MIRRORING = [name for name in SPLITTING if Ability.MIRROR in DIALECTS[name].abilities]
STICKING = [name for name in SPLITTING if Ability.STICKY in DIALECTS[name].abilities]

BY_WEIGHT = {"stepWeight": 20}
MATCH = {"iterations": 2, "match": [{"headers": {"x-canary": {"exact": "always"}}}]}
MIRROR = {"stepWeight": 20, "mirror": True}
STICKY = {"stepWeight": 20, "sessionAffinity": {"cookieName": "ad-arm", "primaryCookieName": "ad-home", "maxAge": 3600}}

_REFERENCES = {
    "apisix": {"routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "ad"}},
    "nginx": {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "ad"}},
    "skipper": {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "ad"}},
}
_GATEWAYS = {"gatewayRefs": [{"name": "gateway", "namespace": "istio-system"}]}


def plan(
    provider: str,
    analysis: Mapping[str, Any] | None = None,
    service: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: object,
) -> RolloutPlan:
    """A plan as it is read from a Canary file."""
    gateways = _GATEWAYS if provider.startswith("gatewayapi") else {}
    asked = {"iterations": 2} if provider == "kubernetes" else BY_WEIGHT
    document = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "ad", "namespace": NAMESPACE, "annotations": dict(annotations or {})},
        "spec": {
            "provider": provider,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
            **_REFERENCES.get(provider, {}),
            "service": {"port": 80, "targetPort": 8080, **gateways, **(service or {})},
            "analysis": {"interval": "10s", "threshold": 3, **(analysis or asked)},
            **spec,
        },
    }
    reading = read(yaml.safe_dump(document))
    assert reading.plan, [str(finding) for finding in reading.findings]
    return reading.plan


def site(provider: str, *args: Any, **wishes: Any) -> Site:
    """The site of such a plan."""
    return Site(plan(provider, *args, **wishes))


def deployment() -> Manifest:
    labels = {"app": "ad"}
    ports = [{"name": "http", "containerPort": 8080}, {"name": "grpc", "containerPort": 9090}]
    pod = {"containers": [{"name": "ad", "image": "ad:v1", "ports": ports}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": "ad", "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def ingress(service: str = "ad", **annotations: str) -> Manifest:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": "ad.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    metadata = {"name": "ad", "namespace": NAMESPACE, "labels": {"team": "weather"}, "annotations": annotations}
    return {"metadata": metadata, "spec": {"ingressClassName": "main", "rules": [rule]}}


def apisix_route(service: str = "ad") -> Manifest:
    backend = {"serviceName": service, "servicePort": 80, "resolveGranularity": "service"}
    rule = {"name": "all", "match": {"paths": ["/*"]}, "backends": [backend]}
    return {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": {"http": [rule]}}


OWNED_BY_USERS: Mapping[str, tuple[Kind, Manifest]] = {
    "apisix": (APISIX_ROUTE, apisix_route()),
    "nginx": (INGRESS, ingress()),
    "skipper": (INGRESS, ingress()),
}


_ACCEPTED = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


class Controller(MemoryClock):
    """A clock during whose passing every parent accepts the HTTPRoute, as a gateway's controller does."""

    def __init__(self, cluster: Cluster, condition: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._cluster = cluster
        self._condition = dict(condition or {})

    def sleep(self, duration: timedelta) -> None:
        super().sleep(duration)
        for route in self._cluster.list(V1.kind, NAMESPACE):
            self._accept(route)

    def _accept(self, route: Manifest) -> None:
        generation = route["metadata"]["generation"]
        observed = {**_ACCEPTED, "observedGeneration": generation, **self._condition}
        parents = [
            {"parentRef": parent, "controllerName": "test.example/controller", "conditions": [observed]}
            for parent in route["spec"]["parentRefs"]
        ]
        name = route["metadata"]["name"]
        self._cluster.patch(V1.kind, NAMESPACE, name, {"status": {"parents": parents}}, "status")


@dataclass
class Scene:
    """A release of one provider on a cluster; `router()` gives one more process that works on it."""

    cluster: Cluster
    plan: RolloutPlan

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.plan.provider]

    @property
    def name(self) -> str:
        return self.dialect.name(Site(self.plan))

    def router(self, cluster: Cluster | None = None, *, fence: int = 1) -> TrafficRouter:
        """A router that writes as who is connected, by default as the administrator."""
        pen = Pen(cluster or self.cluster, NAMESPACE, lambda: fence, lambda: None)
        return build_router(pen, self.plan, Controller(self.cluster))

    def split(self) -> Manifest | None:
        """The object that holds the split."""
        return self.cluster.get(self.dialect.kind, self.namespace, self.name)

    @property
    def namespace(self) -> str:
        return NAMESPACE if self.dialect.namespaced else ""


def set_up(cluster: Cluster, provider: str, *args: Any, **wishes: Any) -> Scene:
    """Make what users have before a release: their Deployment, and their Ingress or route."""
    cluster.create(DEPLOYMENT, {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()})
    if provider in OWNED_BY_USERS:
        kind, manifest = OWNED_BY_USERS[provider]
        cluster.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **manifest})
    return Scene(cluster, plan(provider, *args, **wishes))
