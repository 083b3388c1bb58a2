"""What is written for the Gateway API, object for object, and when it is in force."""

from typing import Any

import pytest

from tests.cluster import router_drafts, routing
from tests.cluster.router_drafts import write
from tests.cluster.routing import Controller
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Manifest
from workflows.cluster.pen import Pen
from workflows.errors import UnavailableError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import build_router
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS

GATEWAY = {
    "group": "gateway.networking.k8s.io",
    "kind": "Gateway",
    "name": "gateway",
    "namespace": "istio-system",
}
EVERYTHING = {"path": {"type": "PathPrefix", "value": "/"}}


def to(name: str, weight: int, cookie: str = "") -> Manifest:
    filters = {"filters": [adding(cookie)]} if cookie else {}
    return {"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight, **filters}


def adding(cookie: str) -> Manifest:
    return responding([{"name": "Set-Cookie", "value": cookie}])


def responding(added: list[Manifest]) -> Manifest:
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": added}}


def both(primary: int, canary: int) -> list[Manifest]:
    return [to("ad-primary", primary), to("ad-canary", canary)]


def with_cookie(name: str, value: str) -> Manifest:
    header = {"name": "Cookie", "type": "RegularExpression", "value": f".*{name}.*{value}.*"}
    return {**EVERYTHING, "headers": [header]}


def gateway(analysis: dict[str, Any] | None = None, **service: Any) -> Site:
    return routing.site("gatewayapi:v1", analysis, service)


def rules(site: Site, *routes: Route) -> list[Manifest]:
    written: list[Manifest] = write(site, *routes)["spec"]["rules"]
    return written


def test_a_share_is_one_rule_with_two_weights() -> None:
    written = write(gateway(hosts=["ad.example"]), Route(20))

    assert written["spec"] == {
        "parentRefs": [GATEWAY],
        "hostnames": ["ad.example"],
        "rules": [{"matches": [EVERYTHING], "backendRefs": both(80, 20)}],
    }


def test_times_out_as_the_service_wants() -> None:
    (rule,) = rules(gateway(timeout="5s", backendTimeout="2s"), Route())

    assert rule["timeouts"] == {"request": "5s", "backendRequest": "2s"}


def test_requests_are_matched_as_the_service_wants() -> None:
    match = [
        {"uri": {"exact": "/ad"}, "method": {"exact": "GET"}},
        {"uri": {"regex": "/a.*"}, "headers": {"y": {"regex": "1"}, "x": {"exact": "2"}}},
        {"uri": {"prefix": "/b"}, "queryParams": {"q": {"exact": "3"}}},
    ]

    (rule,) = rules(gateway(match=match), Route())

    headers = [
        {"name": "x", "type": "Exact", "value": "2"},
        {"name": "y", "type": "RegularExpression", "value": "1"},
    ]
    assert rule["matches"] == [
        {"path": {"type": "Exact", "value": "/ad"}, "method": "GET"},
        {"path": {"type": "RegularExpression", "value": "/a.*"}, "headers": headers},
        {
            "path": {"type": "PathPrefix", "value": "/b"},
            "queryParams": [{"name": "q", "type": "Exact", "value": "3"}],
        },
    ]


@pytest.mark.parametrize(
    ("setting", "filters"),
    [
        (
            {"headers": {"request": {"add": {"b": "2", "a": "1"}, "remove": ["c"]}, "response": {"set": {"d": "4"}}}},
            [
                {
                    "type": "RequestHeaderModifier",
                    "requestHeaderModifier": {
                        "add": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
                        "remove": ["c"],
                    },
                },
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "d", "value": "4"}]}},
            ],
        ),
        (
            {"rewrite": {"uri": "/v2", "authority": "ads.example"}},
            [
                {
                    "type": "URLRewrite",
                    "urlRewrite": {
                        "hostname": "ads.example",
                        "path": {"type": "ReplaceFullPath", "replaceFullPath": "/v2"},
                    },
                }
            ],
        ),
        (
            {"rewrite": {"uri": "/", "type": "ReplacePrefixMatch"}},
            [
                {
                    "type": "URLRewrite",
                    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
                }
            ],
        ),
        (
            {"rewrite": {"authority": "ads.example"}},
            [{"type": "URLRewrite", "urlRewrite": {"hostname": "ads.example"}}],
        ),
        (
            {"mirror": [{"backendRef": {"name": "shadow", "port": 80}}]},
            [
                {
                    "type": "RequestMirror",
                    "requestMirror": {"backendRef": {"group": "", "kind": "Service", "name": "shadow", "port": 80}},
                }
            ],
        ),
        (
            {
                "corsPolicy": {
                    "allowOrigin": ["https://a.example"],
                    "allowOrigins": [{"exact": "https://b.example"}],
                    "allowMethods": ["GET"],
                    "allowCredentials": True,
                    "maxAge": "24h",
                }
            },
            [
                {
                    "type": "CORS",
                    "cors": {
                        "allowOrigins": ["https://a.example", "https://b.example"],
                        "allowMethods": ["GET"],
                        "allowCredentials": True,
                        "maxAge": 86400,
                    },
                }
            ],
        ),
        (
            {"corsPolicy": {"allowOrigin": ["*"]}},
            [{"type": "CORS", "cors": {"allowOrigins": ["*"], "maxAge": 5}}],
        ),
    ],
)
def test_the_service_settings_become_filters(setting: dict[str, Any], filters: list[Manifest]) -> None:
    (rule,) = rules(gateway(**setting), Route(20))

    assert rule["filters"] == filters


def test_an_a_b_test_is_a_rule_for_the_matching_and_one_for_the_others() -> None:
    tested = {"iterations": 1, "match": [{"headers": {"x": {"exact": "1"}}, "queryParams": {"q": {"regex": "2"}}}]}

    first, second = rules(gateway(tested, match=[{"uri": {"prefix": "/ads"}}]), Route(100, matched=True))

    path = {"path": {"type": "PathPrefix", "value": "/ads"}}
    picked = {
        "headers": [{"name": "x", "type": "Exact", "value": "1"}],
        "queryParams": [{"name": "q", "type": "RegularExpression", "value": "2"}],
    }
    assert first == {"matches": [path | picked], "backendRefs": both(0, 100)}
    assert second == {"matches": [path], "backendRefs": [to("ad-primary", 100)]}


@pytest.mark.parametrize(
    ("weight", "share"), [({}, {}), ({"mirrorWeight": 25}, {"fraction": {"numerator": 250, "denominator": 1000}})]
)
@pytest.mark.parametrize("strategy", [{"stepWeight": 20}, {"iterations": 2}])
def test_copies_go_to_the_canary_in_every_strategy(
    strategy: dict[str, Any], weight: dict[str, Any], share: dict[str, Any]
) -> None:
    (rule,) = rules(gateway({**strategy, "mirror": True, **weight}), Route(mirrored=True))

    backend = {"group": "", "kind": "Service", "name": "ad-canary", "port": 80}
    assert rule["filters"] == [{"type": "RequestMirror", "requestMirror": {"backendRef": backend, **share}}]
    assert rule["backendRefs"] == both(100, 0)


def test_sticky_users_are_told_by_their_cookies() -> None:
    assert rules(gateway(routing.STICKY), Route(20, sticky=True)) == [
        {"matches": [with_cookie("ad-arm", "t1")], "backendRefs": both(0, 100)},
        {"matches": [with_cookie("ad-home", "t2")], "backendRefs": both(100, 0)},
        {
            "matches": [EVERYTHING],
            "backendRefs": [
                to("ad-primary", 80, "ad-home=t2; Max-Age=10"),
                to("ad-canary", 20, "ad-arm=t1; Max-Age=3600"),
            ],
        },
    ]


def test_a_cookie_lives_as_long_as_its_analysis_and_is_withdrawn_after_it() -> None:
    site = gateway(routing.STICKY, headers={"response": {"add": {"x-by": "ad"}}})

    first, second = rules(site, Route(20, sticky=True), Route(40, sticky=True), Route(), Route())

    assert first["matches"] == [with_cookie("ad-arm", "t1")]
    withdrawn = {"name": "Set-Cookie", "value": "ad-arm=t1; Max-Age=-1"}
    own = {"name": "x-by", "value": "ad"}
    assert first["filters"] == [responding([withdrawn, own])]
    assert second == {"matches": [EVERYTHING], "filters": [responding([own])], "backendRefs": both(100, 0)}


def test_a_cookie_is_withdrawn_where_answers_get_headers_of_their_own(cluster: Cluster) -> None:
    settings = {"headers": {"response": {"add": {"x-by": "ad"}}}}
    scene = routing.set_up(cluster, "gatewayapi:v1", routing.STICKY, settings)
    scene.router().shift(Route(20, sticky=True))

    scene.router().shift(Route())

    assert scene.router().read() == Route()


def test_linkerd_takes_routes_that_hang_on_the_service() -> None:
    spec = write(routing.site("linkerd"), Route(20))["spec"]

    assert spec["parentRefs"] == [{"group": "", "kind": "Service", "name": "ad", "port": 80}]


def test_both_versions_are_written_alike() -> None:
    settings = {"timeout": "5s", "corsPolicy": {"allowOrigin": ["*"]}}
    v1, beta = (
        write(routing.site(f"gatewayapi:{version}", routing.STICKY, settings), Route(20, sticky=True))
        for version in ("v1", "v1beta1")
    )

    assert v1 == beta
    assert DIALECTS["gatewayapi:v1beta1"].kind.api_version.endswith("v1beta1")


@pytest.mark.parametrize(
    ("analysis", "service", "complaint"),
    [
        ({}, {"gatewayRefs": []}, "spec.service.gatewayRefs: is missing"),
        ({}, {"match": [{"authority": {"exact": "x"}}]}, "spec.service.match[0].authority: cannot be told"),
        ({}, {"match": [{"method": {"regex": "x"}}]}, "spec.service.match[0].method: can only be exact"),
        ({}, {"match": [{"headers": {"x": {"prefix": "x"}}}]}, "spec.service.match[0].headers.x: prefix is unknown"),
        (
            {"iterations": 1, "match": [{"sourceLabels": {"app": "x"}}]},
            {},
            "spec.analysis.match[0].sourceLabels: cannot be told",
        ),
        ({}, {"corsPolicy": {"allowOrigins": [{"regex": ".*"}]}}, "spec.service.corsPolicy.allowOrigins: {'regex'"),
    ],
)
def test_what_cannot_be_said_is_refused(analysis: dict[str, Any], service: dict[str, Any], complaint: str) -> None:
    plan = routing.plan("gatewayapi:v1", analysis or None, service)

    assert complaint in DIALECTS["gatewayapi:v1"].refusal(plan)


@pytest.mark.parametrize(
    ("rule", "route"),
    [
        ({}, Route()),
        ({"backendRefs": [{"name": "other"}]}, Route()),
        ({"backendRefs": [{"name": "ad-canary"}]}, Route(100)),
        ({"backendRefs": [{"name": "ad-canary"}, {"name": "ad-primary"}]}, Route(50)),
    ],
)
def test_what_others_wrote_is_read_for_what_it_does(rule: Manifest, route: Route) -> None:
    assert router_drafts.read(gateway(), {"spec": {"rules": [rule]}}) == route


def test_a_split_is_in_force_once_every_gateway_has_accepted_it(cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "gatewayapi:v1")

    scene.router().shift(Route(20))

    split = scene.split()
    assert split
    accepted = split["status"]["parents"][0]["conditions"][0]
    assert accepted["observedGeneration"] == split["metadata"]["generation"]


def shift_under(clock: MemoryClock, cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "gatewayapi:v1")
    build_router(Pen(cluster, "test", lambda: 1, lambda: None), scene.plan, clock).shift(Route(20))


def test_a_gateway_that_never_answers_is_not_waited_for_for_ever(cluster: Cluster) -> None:
    with pytest.raises(UnavailableError, match="HTTPRoute ad in test: Gateway gateway has not answered; is its contr"):
        shift_under(MemoryClock(), cluster)


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        (
            {"status": "False", "reason": "NotAllowed", "message": "no listener"},
            r"does not accept it \(NotAllowed: no listener\)",
        ),
        ({"status": "False", "reason": "NotAllowed"}, r"does not accept it \(NotAllowed: \)"),
        ({"status": "True", "observedGeneration": 0}, "has not answered"),
        ({"status": "True", "type": "ResolvedRefs"}, "has not answered; is its controller running"),
    ],
)
def test_a_split_that_no_gateway_accepts_is_not_in_force(
    cluster: Cluster, condition: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UnavailableError, match=f"HTTPRoute ad in test: Gateway gateway {complaint}"):
        shift_under(Controller(cluster, condition), cluster)
