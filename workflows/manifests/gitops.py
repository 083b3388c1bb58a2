"""Write what Argo CD and Flux must leave alone while a release moves: replicas, selectors and weights.

Without it the tool puts back what it finds in git in the middle of a release, and two hands move the traffic.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workflows.manifests.document import Document
from workflows.rollout.plan import RolloutPlan


@dataclass(frozen=True, slots=True)
class Moving:
    """Name the fields of one object that a release writes, as JSON pointers."""

    api_version: str
    kind: str
    name: str
    pointers: tuple[str, ...]

    @property
    def group(self) -> str:
        """Give the API group, empty for the core's."""
        return self.api_version.rpartition("/")[0]


_ROUTES: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType(
    {
        "istio": ("networking.istio.io/v1beta1", "VirtualService", ("/spec/http", "/spec/tcp")),
        "gatewayapi:v1": ("gateway.networking.k8s.io/v1", "HTTPRoute", ("/spec/rules",)),
        "gatewayapi:v1beta1": ("gateway.networking.k8s.io/v1beta1", "HTTPRoute", ("/spec/rules",)),
        "linkerd": ("gateway.networking.k8s.io/v1", "HTTPRoute", ("/spec/rules",)),
        "traefik": ("traefik.io/v1alpha1", "TraefikService", ("/spec/weighted",)),
        "contour": ("projectcontour.io/v1", "HTTPProxy", ("/spec/routes",)),
        "gloo": ("gateway.solo.io/v1", "RouteTable", ("/spec/routes",)),
        "kuma": ("kuma.io/v1alpha1", "TrafficRoute", ("/spec/conf",)),
        "knative": ("serving.knative.dev/v1", "Service", ("/spec/traffic",)),
    }
)
_SCALED_TO_ZERO = {
    "Deployment": ("/spec/replicas",),
    "DaemonSet": ("/spec/template/spec/nodeSelector",),
}


def moving(plan: RolloutPlan) -> tuple[Moving, ...]:
    """List what a release of this canary writes in objects that may also stand in git."""
    return tuple(_find_moving(plan))


def _find_moving(plan: RolloutPlan) -> Iterator[Moving]:
    target = plan.target
    if target.kind in _SCALED_TO_ZERO:
        yield Moving(target.api_version or "apps/v1", target.kind, target.name, _SCALED_TO_ZERO[target.kind])
    yield Moving("v1", "Service", plan.service.name, ("/spec/selector",))
    route = _ROUTES.get(plan.provider or "istio")
    if route:
        api_version, kind, pointers = route
        yield Moving(api_version, kind, plan.service.name, pointers)
    if plan.autoscaler and plan.autoscaler.kind == "ScaledObject":
        pause = "/metadata/annotations/autoscaling.keda.sh~1paused-replicas"
        yield Moving("keda.sh/v1alpha1", "ScaledObject", plan.autoscaler.name, (pause,))


def write_argocd(plan: RolloutPlan) -> tuple[Document, ...]:
    """Write the part of an Application that makes Argo CD leave a release alone."""
    differences = []
    for each in moving(plan):
        group = {"group": each.group} if each.group else {}
        differences.append({**group, "kind": each.kind, "name": each.name, "jsonPointers": list(each.pointers)})
    application: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": plan.name},
        "spec": {
            "ignoreDifferences": differences,
            "syncPolicy": {"syncOptions": ["RespectIgnoreDifferences=true"]},
        },
    }
    note = (
        "Merge this into the Application that deploys the canary.\n"
        "Without RespectIgnoreDifferences a sync would still write the fields named here."
    )
    return (Document("argocd-application.yaml", (application,), note),)


def write_flux(plan: RolloutPlan) -> tuple[Document, ...]:
    """Write the patches of a Kustomization that make Flux leave a release alone."""
    patches = [
        {"target": {"kind": each.kind, "name": each.name, "namespace": plan.namespace}, "patch": _write_patch(each)}
        for each in moving(plan)
    ]
    kustomization: dict[str, Any] = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": plan.name},
        "spec": {"patches": patches},
    }
    note = (
        "Merge this into the Kustomization that applies the canary.\n"
        "Flux owns what it applies: what is taken out of git here, it leaves as the release has it."
    )
    return (Document("flux-kustomization.yaml", (kustomization,), note),)


def _write_patch(each: Moving) -> str:
    if each.kind in _SCALED_TO_ZERO:
        # Taken out of what is applied, a field is no longer Flux's; a file without it stays as it is.
        fields = [pointer.removeprefix("/").split("/") for pointer in each.pointers]
        return Document("", ({"apiVersion": each.api_version, "kind": each.kind, **_without(each, fields)},)).body
    annotation = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
    metadata = {"name": each.name, "annotations": annotation}
    return Document("", ({"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata},)).body


def _without(each: Moving, fields: list[list[str]]) -> dict[str, Any]:
    removed: dict[str, Any] = {"metadata": {"name": each.name}}
    for path in fields:
        place = removed
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = None
    return removed
