"""Split traffic by Kuma: a TrafficRoute, which belongs to a mesh and to no namespace."""

from workflows.cluster.kinds import Kind, Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests, services
from workflows.routers.kubernetes.dialect import Dialect, Draft
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.weights import Weights

TRAFFIC_ROUTE = Kind("kuma.io/v1alpha1", "TrafficRoute", "trafficroutes")
MESH = "kuma.io/mesh"
"""The Canary's annotation that names the mesh."""

_TAG = "kuma.io/service"
_WEIGHTS = Weights(("spec", "conf", "split"), ("destination", _TAG))


def _write(draft: Draft) -> Manifest:
    site, route = draft.site, draft.route
    spec = {
        "sources": [{"match": {_TAG: "*"}}],
        "destinations": [{"match": {_TAG: _tag(site, site.apex)}}],
        "conf": {"split": [_share(site, *pair) for pair in _shares(site, route)]},
    }
    mesh = site.plan.annotations.get(MESH, "default")
    return {"metadata": manifests.apex_marks(site), "mesh": (draft.found or {}).get("mesh", mesh), "spec": spec}


def _shares(site: Site, route: Route) -> tuple[tuple[str, int], ...]:
    return (site.primary, route.primary_percent), (site.canary, route.canary_percent)


def _share(site: Site, service: str, weight: int) -> Manifest:
    return {"weight": weight, "destination": {_TAG: _tag(site, service)}}


def _tag(site: Site, service: str) -> str:
    return f"{service}_{site.namespace}_svc_{site.port}"


def _read(site: Site, manifest: Manifest) -> Route:
    return _WEIGHTS.read(manifest, _tag(site, site.primary), _tag(site, site.canary))


DIALECT = Dialect(TRAFFIC_ROUTE, _write, _read, services.of_all_three, namespaced=False)
