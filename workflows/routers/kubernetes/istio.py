"""Split traffic by Istio: the apex' VirtualService, and a DestinationRule for each arm.

Flagger: `networking.istio.io/v1beta1`, all of `spec.http` (or `spec.tcp`) is replaced.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from workflows.cluster.kinds import Kind, Manifest
from workflows.rollout.traffic import ALL, Arm, Route
from workflows.routers.kubernetes import layout, manifests, matches, services
from workflows.routers.kubernetes.dialect import Ability, Companion, Dialect, Draft
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.site import Site

VIRTUAL_SERVICE = Kind("networking.istio.io/v1beta1", "VirtualService", "virtualservices")
DESTINATION_RULE = Kind("networking.istio.io/v1beta1", "DestinationRule", "destinationrules")

_COMMON = ("timeout", "retries", "corsPolicy", "headers")
_MESH = "mesh"
_SET_COOKIE = "Set-Cookie"


def _write(draft: Draft) -> Manifest:
    site = draft.site
    rules = layout.lay_out(site.analysis, draft.route, _rules(site, draft.found), draft.token)
    if _is_tcp(site):
        return _say(site, {"tcp": [_tcp(site, rule) for rule in rules]})
    return _say(site, {"http": [_http(site, rule) for rule in rules]})


def _say(site: Site, routes: Manifest) -> Manifest:
    return {"metadata": manifests.apex_marks(site), "spec": {**_entrance(site), **routes}}


def _entrance(site: Site) -> Manifest:
    if site.setting("delegation"):
        return {"hosts": []}
    hosts: list[str] = site.setting("hosts") or []
    known = site.apex in hosts or "*" in hosts
    return {"hosts": hosts if known else [*hosts, site.apex], "gateways": site.setting("gateways") or [_MESH]}


def _tcp(site: Site, rule: Rule) -> Manifest:
    ports = [{"port": match["port"]} for match in site.setting("match") or [] if match.get("port")]
    return {**({"match": ports} if ports else {}), "route": list(_destinations(site, rule))}


def _http(site: Site, rule: Rule) -> Manifest:
    picked = matches.of_rule(site, rule)
    rewrite = {name: text for name, text in (site.setting("rewrite") or {}).items() if name in {"uri", "authority"}}
    said = {"match": picked, "rewrite": rewrite, **site.settings(*_COMMON)}
    return {
        **{name: value for name, value in said.items() if value},
        **_expiry(site, rule),
        "route": list(_destinations(site, rule)),
        **(_mirror(site) if rule.mirrored else {}),
    }


def _expiry(site: Site, rule: Rule) -> Manifest:
    if not rule.expired:
        return {}
    headers = site.setting("headers") or {}
    response = headers.get("response") or {}
    return {
        "headers": {
            **headers,
            "response": {**response, "add": {**(response.get("add") or {}), _SET_COOKIE: rule.expired}},
        }
    }


def _mirror(site: Site) -> Manifest:
    percent = site.analysis.mirror_percent or ALL
    # Without a percentage Istio copies every request (Flagger: written only where mirrorWeight is given).
    return {"mirror": {"host": site.canary}, **({"mirrorPercentage": {"value": percent}} if percent < ALL else {})}


def _destinations(site: Site, rule: Rule) -> Iterator[Manifest]:
    yield _destination(site, site.primary, rule.primary, rule.primary_cookie)
    if rule.canary is not None:
        yield _destination(site, site.canary, rule.canary, rule.canary_cookie)


def _destination(site: Site, host: str, weight: int, cookie: str) -> Manifest:
    port = {"port": {"number": site.port}} if _names_port(site) else {}
    headers = {"headers": {"response": {"add": {_SET_COOKIE: cookie}}}} if cookie else {}
    return {"destination": {"host": host, **port}, "weight": weight, **headers}


def _names_port(site: Site) -> bool:
    gateways: list[str] = site.setting("gateways") or [_MESH]
    return bool(site.setting("portDiscovery")) and (gateways[0] != _MESH or bool(site.setting("delegation")))


def _read(site: Site, manifest: Manifest) -> Route:
    return layout.recognise(_rules(site, manifest))


def _rules(site: Site, manifest: Manifest | None) -> list[Rule]:
    spec = (manifest or {}).get("spec") or {}
    return [_rule(site, rule) for rule in spec.get("tcp" if _is_tcp(site) else "http") or []]


def _rule(site: Site, rule: Manifest) -> Rule:
    found = {route["destination"]["host"]: route for route in rule.get("route") or []}
    primary, canary = found.get(site.primary, {}), found.get(site.canary)
    return Rule(
        # Istio: a destination that stands alone gets everything, whatever its weight.
        primary=primary.get("weight", 0) if canary else ALL,
        canary=None if canary is None else canary.get("weight", 0 if primary else ALL),
        canary_cookie=_cookie(canary or {}),
        primary_cookie=_cookie(primary),
        expired=_cookie(rule),
        mirrored=(rule.get("mirror") or {}).get("host") == site.canary,
    )


def _cookie(holder: Manifest) -> str:
    added: dict[str, Any] = ((holder.get("headers") or {}).get("response") or {}).get("add") or {}
    return str(added.get(_SET_COOKIE, ""))


def _is_tcp(site: Site) -> bool:
    return str(site.setting("appProtocol") or "").lower() == "tcp"


def _objection(site: Site) -> str:
    asked = (site.analysis.match, site.analysis.mirror_percent, site.analysis.affinity)
    if _is_tcp(site) and any(asked):
        return "spec.service.appProtocol: tcp has no requests to match, to copy or to give cookies; remove it or these"
    return ""


def _companions(draft: Draft) -> Iterable[Companion]:
    yield from services.of_all_three(draft)
    for arm in (Arm.CANARY, Arm.PRIMARY):
        name = draft.site.service_of(arm)
        yield Companion(DESTINATION_RULE, name, partial(_destination_rule, draft, name))


def _destination_rule(draft: Draft, name: str, found: Manifest | None) -> Manifest:
    return manifests.assemble(
        name, found, {"spec": {"host": name, **draft.site.settings("trafficPolicy")}}, draft.claim
    )


DIALECT = Dialect(
    VIRTUAL_SERVICE,
    _write,
    _read,
    _companions,
    frozenset(Ability),
    objection=_objection,
)
