"""What is written for Traefik, Kuma, Contour, Gloo and APISIX, object for object."""

from typing import Any

import pytest

from tests.cluster import router_drafts, routing
from tests.cluster.router_drafts import write
from workflows.cluster.kinds import SERVICE, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.table import DIALECTS


def traefik(name: str, weight: int) -> Manifest:
    return {"name": name, "namespace": "test", "port": 80, "weight": weight}


@pytest.mark.parametrize(
    ("percent", "services"),
    [
        (0, [traefik("ad-primary", 100)]),
        (20, [traefik("ad-primary", 80), traefik("ad-canary", 20)]),
        (100, [traefik("ad-primary", 0), traefik("ad-canary", 100)]),
    ],
)
def test_traefik_knows_the_canary_only_while_it_has_a_share(percent: int, services: list[Manifest]) -> None:
    assert write(routing.site("traefik"), Route(percent))["spec"] == {"weighted": {"services": services}}


@pytest.mark.parametrize("spec", [{}, {"weighted": {}}, {"weighted": {"services": "none"}}, {"weighted": []}])
def test_a_list_that_is_not_there_splits_nothing(spec: Manifest) -> None:
    assert router_drafts.read(routing.site("traefik"), {"spec": spec}) == Route()


@pytest.mark.parametrize(("annotations", "mesh"), [({}, "default"), ({"kuma.io/mesh": "west"}, "west")])
def test_kuma_splits_between_tags_of_a_mesh(annotations: dict[str, str], mesh: str) -> None:
    written = write(routing.site("kuma", annotations=annotations), Route(20))

    def tag(name: str) -> dict[str, str]:
        return {"kuma.io/service": f"{name}_test_svc_80"}

    assert written["mesh"] == mesh
    assert written["spec"] == {
        "sources": [{"match": {"kuma.io/service": "*"}}],
        "destinations": [{"match": tag("ad")}],
        "conf": {
            "split": [
                {"weight": 80, "destination": tag("ad-primary")},
                {"weight": 20, "destination": tag("ad-canary")},
            ]
        },
    }


def contour(name: str, weight: int) -> Manifest:
    override = {"name": "l5d-dst-override", "value": f"{name}.test.svc.cluster.local:80"}
    return {"name": name, "port": 80, "weight": weight, "requestHeadersPolicy": {"set": [override]}}


def test_contour_has_a_route_with_two_weights() -> None:
    settings = {
        "match": [{"uri": {"prefix": "/ads"}}],
        "timeout": "5s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,reset"},
    }

    written = write(routing.site("contour", None, settings), Route(20))

    assert written["spec"]["routes"] == [
        {
            "conditions": [{"prefix": "/ads"}],
            "timeoutPolicy": {"response": "5s", "idle": "5m"},
            "retryPolicy": {"count": 3, "perTryTimeout": "1s", "retryOn": ["5xx", "reset"]},
            "services": [contour("ad-primary", 80), contour("ad-canary", 20)],
        }
    ]


def test_contour_has_a_route_for_each_alternative_of_an_a_b_test() -> None:
    alternatives = [
        {"headers": {"x": {"exact": "1"}, "y": {"prefix": "2"}}},
        {"headers": {"z": {"regex": "3"}}},
    ]
    site = routing.site("contour", {"iterations": 1, "match": alternatives})

    routes = write(site, Route(100, matched=True))["spec"]["routes"]

    assert [route["conditions"] for route in routes] == [
        [{"prefix": "/", "header": {"name": "x", "exact": "1"}}, {"header": {"name": "y", "contains": "2"}}],
        [{"prefix": "/", "header": {"name": "z", "regex": "3"}}],
        [{"prefix": "/"}],
    ]
    assert [route["services"][1]["weight"] for route in routes] == [100, 100, 0]


def test_contour_keeps_the_class_of_its_ingress() -> None:
    found = {"metadata": {"name": "ad"}, "spec": {"ingressClassName": "main", "routes": []}}

    assert write(routing.site("contour"), Route(), found=found)["spec"]["ingressClassName"] == "main"
    assert router_drafts.read(routing.site("contour"), found) == Route()


def gloo(arm: str, weight: int) -> Manifest:
    upstream = {"name": f"test-ad-{arm}upstream-80", "namespace": "test"}
    return {"destination": {"upstream": upstream}, "weight": weight}


def gloo_route(*destinations: Manifest, **more: Any) -> Manifest:
    multi = {"multi": {"destinations": list(destinations)}}
    return {"inheritablePathMatchers": True, **more, "routeAction": multi}


def test_gloo_has_a_route_with_two_weights() -> None:
    written = write(routing.site("gloo"), Route(20))

    assert written["spec"] == {"routes": [gloo_route(gloo("primary", 80), gloo("canary", 20))]}


def test_gloo_leaves_a_way_for_those_whom_an_a_b_test_does_not_pick() -> None:
    alternatives = [{"headers": {"x": {"exact": "1"}}}, {"headers": {"y": {"regex": "2"}}}]
    site = routing.site("gloo", {"iterations": 1, "match": alternatives})

    routes = write(site, Route(100, matched=True))["spec"]["routes"]

    matchers = [
        {"headers": [{"name": "x", "value": "1"}]},
        {"headers": [{"name": "y", "value": "2", "regex": True}]},
    ]
    assert routes == [
        gloo_route(gloo("primary", 0), gloo("canary", 100), matchers=matchers),
        gloo_route(gloo("primary", 100)),
    ]


def test_gloo_has_an_upstream_for_each_arm_as_the_users_own_is_configured() -> None:
    source = {"metadata": {"name": "config"}, "spec": {"useHttp2": True, "kube": {"serviceName": "other"}}}

    made = router_drafts.companions(routing.site("gloo"), source=source)

    kube = {"serviceName": "ad-canary", "serviceNamespace": "test", "servicePort": 80, "selector": {"app": "ad"}}
    assert made["Upstream/test-ad-canaryupstream-80"]["spec"] == {"useHttp2": True, "kube": kube}
    primary = made["Upstream/test-ad-primaryupstream-80"]["spec"]["kube"]
    assert primary["selector"] == {"app": "ad-primary"}


def test_gloo_needs_no_pods_where_the_target_is_a_service() -> None:
    target = router_drafts.draft(routing.site("gloo")).target
    assert target

    made = router_drafts.companions(routing.site("gloo"), target=type(target)(SERVICE, "ad", {}))

    assert all("selector" not in manifest["spec"]["kube"] for manifest in made.values())


def test_gloo_reads_what_others_wrote() -> None:
    assert router_drafts.read(routing.site("gloo"), {"spec": {"routes": [{"redirectAction": {}}]}}) == Route()


@pytest.mark.parametrize(
    ("provider", "match", "complaint"),
    [
        ("gloo", {"queryParams": {"q": {"exact": "1"}}}, "Gloo is told headers only"),
        ("gloo", {"headers": {"x": {"prefix": "1"}}}, "Gloo is told headers only, exact or regex"),
        ("contour", {"sourceLabels": {"app": "x"}}, "Contour is told headers only"),
    ],
)
def test_a_match_that_would_pick_others_is_refused(provider: str, match: dict[str, Any], complaint: str) -> None:
    plan = routing.plan(provider, {"iterations": 1, "match": [match]})

    assert complaint in DIALECTS[provider].refusal(plan)


def test_apisix_has_a_copy_of_the_rule_that_goes_first() -> None:
    written = write(routing.site("apisix"), Route(20), source=routing.apisix_route())

    copied = {"servicePort": 80, "resolveGranularity": "service"}
    assert written["metadata"]["name"] == "ad-ad-canary"
    assert written["spec"]["http"] == [
        {
            "name": "all",
            "match": {"paths": ["/*"]},
            "priority": 10000,
            "backends": [
                {**copied, "serviceName": "ad-primary", "weight": 80},
                {**copied, "serviceName": "ad-canary", "weight": 20},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("backends", "complaint"),
    [([], "no backend ad"), ([{"serviceName": "ad"}, {"serviceName": "x"}], "only one backend is supported, ad")],
)
def test_apisix_needs_one_rule_with_one_backend(backends: list[Manifest], complaint: str) -> None:
    source = routing.apisix_route()
    source["spec"]["http"][0]["backends"] = backends

    with pytest.raises(ConfigurationError, match=f"ApisixRoute ad in test: .*{complaint}"):
        write(routing.site("apisix"), Route(), source=source)
