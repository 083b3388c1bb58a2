"""Split traffic by APISIX: a copy of the user's ApisixRoute, which goes before it and has a backend for each arm."""

import copy

from workflows.cluster.kinds import Kind, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import manifests, services
from workflows.routers.kubernetes.dialect import Dialect, Draft, Source
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.weights import Weights

APISIX_ROUTE = Kind("apisix.apache.org/v2", "ApisixRoute", "apisixroutes")

_FIRST = 10000
_COPIED = ("servicePort", "resolveGranularity", "subset")
_WEIGHTS = Weights(("spec", "http", 0, "backends"), ("serviceName",))


def _write(draft: Draft) -> Manifest:
    site, route = draft.site, draft.route
    if draft.source is None:
        # The user's route is gone and the traffic goes home: ours stays as it is but for the weights.
        (rule,) = _rules_of(draft.found)
        return {"spec": {"http": [{**rule, "backends": _share(site, route, rule["backends"][0])}]}}
    rule = _find(site, draft.source)
    backends = _share(site, route, rule["backends"][0])
    return {
        "metadata": manifests.copied_marks(draft.source),
        "spec": {"http": [{**rule, "priority": _FIRST, "backends": backends}]},
    }


def _rules_of(manifest: Manifest | None) -> list[Manifest]:
    return ((manifest or {}).get("spec") or {}).get("http") or []


def _find(site: Site, source: Manifest) -> Manifest:
    name = f"{site.plan.key}: ApisixRoute {source['metadata']['name']} in {site.namespace}"
    for rule in _rules_of(source):
        backends = rule.get("backends") or []
        if any(backend.get("serviceName") == site.apex for backend in backends):
            if len(backends) == 1:
                return copy.deepcopy(rule)
            raise ConfigurationError(
                f"{name}: spec.http {rule.get('name')}: only one backend is supported, {site.apex}"
            )
    raise ConfigurationError(f"{name}: no backend {site.apex}; let one rule of spec.http lead to it")


def _share(site: Site, route: Route, backend: Manifest) -> list[Manifest]:
    copied = {name: backend[name] for name in _COPIED if name in backend}
    shares = ((site.primary, route.primary_percent), (site.canary, route.canary_percent))
    return [{**copied, "serviceName": name, "weight": weight} for name, weight in shares]


def _read(site: Site, manifest: Manifest) -> Route:
    return _WEIGHTS.read(manifest, site.primary, site.canary)


def _name(site: Site) -> str:
    return f"{site.plan.references['routeRef'].name}-{site.apex}-canary"


DIALECT = Dialect(
    APISIX_ROUTE,
    _write,
    _read,
    services.of_all_three,
    name=_name,
    source=Source(APISIX_ROUTE, "routeRef"),
)
