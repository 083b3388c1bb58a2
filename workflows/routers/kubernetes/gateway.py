"""Split traffic by the Gateway API: the apex' HTTPRoute, in force once every parent has accepted it.

Flagger: the whole spec is replaced. What an API server would fill in is written, so that nothing is written twice.
"""

from collections.abc import Iterator
from typing import Any

from workflows.cluster.kinds import Kind, Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import gateway_filters, gateway_matches, layout, manifests, services
from workflows.routers.kubernetes.dialect import Ability, Dialect, Draft
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.site import Site

_GROUP = "gateway.networking.k8s.io"
_GATEWAY = {"group": _GROUP, "kind": "Gateway"}
_WHICH = ("group", "kind", "namespace", "name", "sectionName", "port")


def _write(draft: Draft) -> Manifest:
    site = draft.site
    rules = layout.lay_out(site.analysis, draft.route, _rules(site, draft.found), draft.token)
    hosts = site.settings("hosts")
    spec = {
        "parentRefs": _parents(site),
        **({"hostnames": hosts["hosts"]} if hosts else {}),
        "rules": [_rule(site, rule) for rule in rules],
    }
    return {"metadata": manifests.apex_marks(site), "spec": spec}


def _parents(site: Site) -> list[Manifest]:
    gateways = [{**_GATEWAY, **gateway} for gateway in site.setting("gatewayRefs") or []]
    # A mesh without gateways takes routes that hang on the service which users call.
    return gateways or [{**gateway_filters.SERVICE, "name": site.apex, "port": site.port}]


def _rule(site: Site, rule: Rule) -> Manifest:
    timeouts = {"request": site.setting("timeout"), "backendRequest": site.setting("backendTimeout")}
    said = {
        "matches": gateway_matches.of_rule(site, rule),
        "filters": gateway_filters.of_rule(site, rule),
        "timeouts": {name: value for name, value in timeouts.items() if value},
        "backendRefs": list(_backends(site, rule)),
    }
    return {name: value for name, value in said.items() if value}


def _backends(site: Site, rule: Rule) -> Iterator[Manifest]:
    yield _backend(site, site.primary, rule.primary, rule.primary_cookie)
    if rule.canary is not None:
        yield _backend(site, site.canary, rule.canary, rule.canary_cookie)


def _backend(site: Site, name: str, weight: int, cookie: str) -> Manifest:
    filters = {"filters": [gateway_filters.set_cookie(cookie)]} if cookie else {}
    return {**gateway_filters.SERVICE, "name": name, "port": site.port, "weight": weight, **filters}


def _read(site: Site, manifest: Manifest) -> Route:
    return layout.recognise(_rules(site, manifest))


def _rules(site: Site, manifest: Manifest | None) -> list[Rule]:
    spec = (manifest or {}).get("spec") or {}
    return [_read_rule(site, rule) for rule in spec.get("rules") or []]


def _read_rule(site: Site, rule: Manifest) -> Rule:
    found = {backend["name"]: backend for backend in rule.get("backendRefs") or []}
    primary, canary = found.get(site.primary, {}), found.get(site.canary)
    return Rule(
        primary=_weight(primary) if primary else 0,
        canary=None if canary is None else _weight(canary),
        canary_cookie=_cookie(canary or {}),
        primary_cookie=_cookie(primary),
        expired=_cookie(rule),
        mirrored=any(_mirrors(site, item) for item in rule.get("filters") or []),
    )


def _weight(backend: Manifest) -> int:
    weight = backend.get("weight", 1)
    return int(weight)


def _cookie(holder: Manifest) -> str:
    added: list[dict[str, Any]] = [
        header
        for item in holder.get("filters") or []
        for header in (item.get("responseHeaderModifier") or {}).get("add") or []
    ]
    return next((str(header["value"]) for header in added if header["name"] == gateway_filters.SET_COOKIE), "")


def _mirrors(site: Site, item: Manifest) -> bool:
    backend = (item.get("requestMirror") or {}).get("backendRef") or {}
    return bool(backend.get("name") == site.canary)


def _pending(manifest: Manifest) -> str:
    """Say which parent has not accepted the newest spec yet (GEP-1364: `Accepted` with the observed generation)."""
    namespace = manifest["metadata"]["namespace"]
    said = {
        _which(status["parentRef"], namespace): status.get("conditions") or []
        for status in (manifest.get("status") or {}).get("parents") or []
    }
    for parent in manifest["spec"].get("parentRefs") or []:
        conditions = said.get(_which(parent, namespace), [])
        accepted: dict[str, Any] = next((condition for condition in conditions if condition["type"] == "Accepted"), {})
        if accepted.get("observedGeneration", 0) < manifest["metadata"].get("generation", 0):
            return f"{parent['kind']} {parent['name']} has not answered; is its controller running?"
        if accepted.get("status") != "True":
            why = f"{accepted.get('reason', 'no reason')}: {accepted.get('message', '')}"
            return f"{parent['kind']} {parent['name']} does not accept it ({why})"
    return ""


def _which(parent: Manifest, namespace: str) -> tuple[Any, ...]:
    named = {**_GATEWAY, "namespace": namespace, **parent}
    return tuple(named.get(part) for part in _WHICH)


def _objection(site: Site) -> str:
    if not site.setting("gatewayRefs"):
        return "spec.service.gatewayRefs: is missing; give the gateways that the HTTPRoute attaches to"
    return _untranslatable(site)


def _untranslatable(site: Site) -> str:
    return gateway_matches.objection(site) or gateway_filters.objection(site)


def _dialect(version: str) -> Dialect:
    kind = Kind(f"{_GROUP}/{version}", "HTTPRoute", "httproutes")
    return Dialect(
        kind,
        _write,
        _read,
        services.of_all_three,
        frozenset(Ability),
        objection=_objection,
        pending=_pending,
    )


V1 = _dialect("v1")
V1BETA1 = _dialect("v1beta1")
LINKERD = Dialect(
    V1.kind,
    _write,
    _read,
    services.of_all_three,
    frozenset({Ability.MATCH}),
    objection=_untranslatable,
    pending=_pending,
)
"""Linkerd has left TrafficSplit for the HTTPRoute; it copies no requests and sets no cookies."""
