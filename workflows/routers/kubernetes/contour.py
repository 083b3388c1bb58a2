"""Split traffic by Contour: the apex' HTTPProxy, a child that the user's own proxy includes.

Contour ands the conditions of a route, so each alternative of an A/B match gets a route of its own.
"""

from collections.abc import Iterator
from typing import Any

from workflows.cluster.kinds import Kind, Manifest
from workflows.rollout.plan import RequestMatch, StringMatch
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import layout, manifests, services
from workflows.routers.kubernetes.dialect import Ability, Dialect, Draft
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.weights import Weights

HTTP_PROXY = Kind("projectcontour.io/v1", "HTTPProxy", "httpproxies")

_IDLE = "5m"
_LINKERD = "l5d-dst-override"
_WEIGHTS = Weights(("services",), ("name",))
_TEXTS = {"exact": "exact", "prefix": "contains", "suffix": "contains", "regex": "regex"}


def _write(draft: Draft) -> Manifest:
    site = draft.site
    rules = layout.lay_out(site.analysis, draft.route, (), draft.token)
    found = (draft.found or {}).get("spec") or {}
    kept = {"ingressClassName": found["ingressClassName"]} if "ingressClassName" in found else {}
    routes = [route for rule in rules for route in _routes(site, rule)]
    return {"metadata": manifests.apex_marks(site), "spec": {**kept, "routes": routes}}


def _routes(site: Site, rule: Rule) -> Iterator[Manifest]:
    alternatives = [_tell(site, match) for match in site.analysis.match] if rule.matched else [[_prefix(site)]]
    for conditions in alternatives:
        yield {"conditions": conditions, **_policies(site), "services": list(_shares(site, rule))}


def _tell(site: Site, match: RequestMatch) -> list[Manifest]:
    """Write the conditions of one alternative; only one of them may name the path."""
    first, *others = [_header(name, text) for name, text in match.headers.items()] or [{}]
    return [{**_prefix(site), **first}, *others]


def _header(name: str, text: StringMatch) -> Manifest:
    return {"header": {"name": name, _TEXTS[text.kind]: text.value}}


def _prefix(site: Site) -> Manifest:
    served: list[dict[str, Any]] = site.setting("match") or [{}]
    return {"prefix": (served[0].get("uri") or {}).get("prefix") or "/"}


def _policies(site: Site) -> Manifest:
    policies: Manifest = {}
    if site.setting("timeout"):
        policies["timeoutPolicy"] = {"response": site.setting("timeout"), "idle": _IDLE}
    retries = site.setting("retries")
    if retries:
        said = {
            "count": retries.get("attempts"),
            "perTryTimeout": retries.get("perTryTimeout"),
            "retryOn": [word for word in str(retries.get("retryOn", "")).split(",") if word],
        }
        policies["retryPolicy"] = {name: value for name, value in said.items() if value}
    return policies


def _shares(site: Site, rule: Rule) -> Iterator[Manifest]:
    for name, weight in ((site.primary, rule.primary), (site.canary, rule.canary or 0)):
        override = {"name": _LINKERD, "value": f"{name}.{site.namespace}.svc.cluster.local:{site.port}"}
        yield {"name": name, "port": site.port, "weight": weight, "requestHeadersPolicy": {"set": [override]}}


def _read(site: Site, manifest: Manifest) -> Route:
    routes = (manifest.get("spec") or {}).get("routes") or []
    return layout.recognise(
        [_read_route(site, route, last=route is routes[-1] and len(routes) > 1) for route in routes]
    )


def _read_route(site: Site, route: Manifest, *, last: bool) -> Rule:
    entries = _WEIGHTS.entries(route)
    canary = _WEIGHTS.share(entries, site.canary)
    # The route for all others names the canary too, with nothing for it.
    return Rule(_WEIGHTS.share(entries, site.primary) or 0, canary if canary or not last else None)


def _objection(site: Site) -> str:
    for index, match in enumerate(site.analysis.match):
        if match.query_params or match.source_labels:
            return f"spec.analysis.match[{index}]: Contour is told headers only; remove queryParams and sourceLabels"
    return ""


DIALECT = Dialect(HTTP_PROXY, _write, _read, services.of_all_three, frozenset({Ability.MATCH}), objection=_objection)
