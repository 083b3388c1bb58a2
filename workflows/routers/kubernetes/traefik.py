"""Split traffic by Traefik: the apex' TraefikService, whose canary entry is there only while it has a share."""

from workflows.cluster.kinds import Kind, Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests, services
from workflows.routers.kubernetes.dialect import Dialect, Draft
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.weights import Weights

TRAEFIK_SERVICE = Kind("traefik.io/v1alpha1", "TraefikService", "traefikservices")
_WEIGHTS = Weights(("spec", "weighted", "services"), ("name",))


def _write(draft: Draft) -> Manifest:
    site, route = draft.site, draft.route
    shares = [_share(site, site.primary, route.primary_percent)]
    if route.canary_percent:
        shares.append(_share(site, site.canary, route.canary_percent))
    return {"metadata": manifests.apex_marks(site), "spec": {"weighted": {"services": shares}}}


def _share(site: Site, name: str, weight: int) -> Manifest:
    return {"name": name, "namespace": site.namespace, "port": site.port, "weight": weight}


def _read(site: Site, manifest: Manifest) -> Route:
    return _WEIGHTS.read(manifest, site.primary, site.canary)


DIALECT = Dialect(TRAEFIK_SERVICE, _write, _read, services.of_all_three)
