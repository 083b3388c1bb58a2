"""What is written fits the meshes' own definitions, and their API server adds nothing to it."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest

from tests.cluster import definitions, router_drafts, routing
from workflows.cluster.kinds import SERVICE, Kind, Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS

SETTINGS: dict[str, Any] = {
    "hosts": ["ad.example"],
    "timeout": "15s",
    "match": [{"uri": {"prefix": "/"}, "headers": {"x": {"exact": "1"}}}],
    "rewrite": {"uri": "/", "authority": "ads.example"},
    "headers": {"request": {"add": {"x-a": "1"}, "set": {"x-b": "2"}, "remove": ["x-c"]}},
    "corsPolicy": {"allowOrigin": ["https://ad.example"], "allowMethods": ["GET"], "maxAge": "24h"},
}
ONLY_ISTIO = {
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error"},
    "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
    "gateways": ["public"],
    "portDiscovery": True,
}
ONLY_GATEWAY = {"backendTimeout": "2s", "mirror": [{"backendRef": {"name": "shadow", "port": 80}}]}
PLANS = {
    "weight": ({"stepWeight": 20}, (Route(), Route(20), Route(100))),
    "match": (routing.MATCH, (Route(), Route(100, matched=True))),
    "mirror": ({**routing.MIRROR, "mirrorWeight": 10}, (Route(mirrored=True),)),
    "sticky": (routing.STICKY, (Route(20, sticky=True), Route())),
}


@cache
def schema_of(kind: Kind) -> Manifest:
    """What the definition of a kind says of its spec; core kinds have none."""
    for definition in definitions.published():
        if definition["spec"]["names"]["kind"] == kind.kind and definition["spec"]["group"] == kind.group:
            version = kind.api_version.rpartition("/")[2]
            served = {item["name"]: item["schema"]["openAPIV3Schema"] for item in definition["spec"]["versions"]}
            return dict(served[version]["properties"]["spec"])
    assert kind is SERVICE, f"no definition of {kind}"
    return {}


@cache
def validator_of(kind: Kind) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(kind))


def defaulted(schema: Manifest, value: Any) -> Any:
    """Fill in defaults as an API server does, and drop what the schema does not know."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    parts = schema["properties"]
    missing = {name: copy.deepcopy(part["default"]) for name, part in parts.items() if "default" in part}
    return {name: defaulted(parts[name], item) for name, item in {**missing, **value}.items() if name in parts}


def objects(site: Site, routes: tuple[Route, ...]) -> Iterator[tuple[Kind, Manifest]]:
    dialect = DIALECTS[site.plan.provider]
    for companion in dialect.companions(router_drafts.draft(site)):
        yield companion.kind, companion.build(None)
    for index in range(len(routes)):
        yield dialect.kind, router_drafts.write(site, *routes[: index + 1])


@pytest.mark.skipif(not definitions.published(), reason="PENSTOCK_CRDS names no folder of resource definitions")
@pytest.mark.parametrize("settings", [{}, SETTINGS], ids=["plain", "rich"])
@pytest.mark.parametrize("strategy", PLANS)
@pytest.mark.parametrize("provider", ["gatewayapi:v1", "gatewayapi:v1beta1", "istio"])
def test_what_is_written_is_kept_as_it_is(provider: str, strategy: str, settings: dict[str, Any]) -> None:
    analysis, routes = PLANS[strategy]
    more = ONLY_ISTIO if provider == "istio" else ONLY_GATEWAY
    site = routing.site(provider, analysis, settings and {**settings, **more})

    for kind, manifest in objects(site, routes):
        validator_of(kind).validate(manifest["spec"])
        assert defaulted(schema_of(kind), manifest["spec"]) == manifest["spec"]
