"""Split traffic by Gloo: the apex' RouteTable, and an Upstream for each arm.

An A/B test has a second route for everybody else (Flagger writes none, and others would find nothing).
"""

from collections.abc import Iterable, Iterator
from functools import partial

from workflows.cluster.kinds import Kind, Manifest
from workflows.cluster.targets import Target
from workflows.rollout.plan import RequestMatch
from workflows.rollout.traffic import ALL, Arm, Route
from workflows.routers.kubernetes import layout, manifests, services
from workflows.routers.kubernetes.dialect import Ability, Companion, Dialect, Draft, Source
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.weights import Weights

ROUTE_TABLE = Kind("gateway.solo.io/v1", "RouteTable", "routetables")
UPSTREAM = Kind("gloo.solo.io/v1", "Upstream", "upstreams")

_WEIGHTS = Weights(("routeAction", "multi", "destinations"), ("destination", "upstream", "name"))
_COPIED = (
    "labels",
    "sslConfig",
    "circuitBreakers",
    "connectionConfig",
    "loadBalancerConfig",
    "useHttp2",
    "initialStreamWindowSize",
    "initialConnectionWindowSize",
    "httpProxyHostName",
)


def _write(draft: Draft) -> Manifest:
    site = draft.site
    rules = layout.lay_out(site.analysis, draft.route, (), draft.token)
    return {"metadata": manifests.apex_marks(site), "spec": {"routes": [_route(site, rule) for rule in rules]}}


def _route(site: Site, rule: Rule) -> Manifest:
    matchers = [{"headers": list(_headers(match))} for match in site.analysis.match] if rule.matched else []
    return {
        "inheritablePathMatchers": True,
        **({"matchers": matchers} if matchers else {}),
        "routeAction": {"multi": {"destinations": list(_destinations(site, rule))}},
    }


def _headers(match: RequestMatch) -> Iterator[Manifest]:
    for name, text in match.headers.items():
        yield {"name": name, "value": text.value, **({"regex": True} if text.kind == "regex" else {})}


def _destinations(site: Site, rule: Rule) -> Iterator[Manifest]:
    for arm, weight in ((Arm.PRIMARY, rule.primary), (Arm.CANARY, rule.canary)):
        if weight is not None:
            upstream = {"name": _upstream_of(site, arm), "namespace": site.namespace}
            yield {"destination": {"upstream": upstream}, "weight": weight}


def _upstream_of(site: Site, arm: Arm) -> str:
    return f"{site.namespace}-{site.apex}-{arm.value}upstream-{site.port}"


def _read(site: Site, manifest: Manifest) -> Route:
    return layout.recognise([_rule(site, route) for route in (manifest.get("spec") or {}).get("routes") or []])


def _rule(site: Site, route: Manifest) -> Rule:
    entries = _WEIGHTS.entries(route)
    primary, canary = (_WEIGHTS.share(entries, _upstream_of(site, arm)) for arm in Arm)
    return Rule(ALL if primary is None and canary is None else primary or 0, canary)


def _companions(draft: Draft) -> Iterable[Companion]:
    yield from services.of_all_three(draft)
    if draft.target:
        for arm in Arm:
            build = partial(_upstream, draft, arm, _selector(draft.target, arm))
            yield Companion(UPSTREAM, _upstream_of(draft.site, arm), build)


def _selector(target: Target, arm: Arm) -> Manifest:
    if not target.label:
        return {}
    value = target.primary_value if arm is Arm.PRIMARY else target.value
    return {"selector": {target.label: value}}


def _upstream(draft: Draft, arm: Arm, selector: Manifest, found: Manifest | None) -> Manifest:
    site = draft.site
    kube = {
        "serviceName": site.service_of(arm),
        "serviceNamespace": site.namespace,
        "servicePort": site.port,
        **selector,
    }
    configured = (draft.source or {}).get("spec") or {}
    copied = {name: configured[name] for name in _COPIED if name in configured}
    said = {"spec": {**((found or {}).get("spec") or {}), **copied, "kube": kube}}
    return manifests.assemble(_upstream_of(site, arm), found, said, draft.claim)


def _objection(site: Site) -> str:
    for index, match in enumerate(site.analysis.match):
        kinds = {text.kind for text in match.headers.values()}
        if match.query_params or match.source_labels or kinds - {"exact", "regex"}:
            return f"spec.analysis.match[{index}]: Gloo is told headers only, exact or regex; remove all others"
    return ""


DIALECT = Dialect(
    ROUTE_TABLE,
    _write,
    _read,
    _companions,
    frozenset({Ability.MATCH}),
    source=Source(UPSTREAM, "upstreamRef", optional=True),
    objection=_objection,
)
