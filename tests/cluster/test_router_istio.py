"""What is written for Istio, object for object."""

import json
from typing import Any

import pytest

from tests.cluster import router_drafts, routing
from tests.cluster.router_drafts import write
from workflows.cluster.kinds import Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.layout import to_percent
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import DIALECTS


def to(host: str, weight: int, cookie: str = "") -> Manifest:
    headers = {"headers": {"response": {"add": {"Set-Cookie": cookie}}}} if cookie else {}
    return {"destination": {"host": host}, "weight": weight, **headers}


def both(primary: int, canary: int) -> list[Manifest]:
    return [to("ad-primary", primary), to("ad-canary", canary)]


def cookie(name: str, value: str) -> Manifest:
    return {"headers": {"Cookie": {"regex": f".*{name}.*{value}.*"}}}


def istio(analysis: dict[str, Any] | None = None, **service: Any) -> Site:
    return routing.site("istio", analysis, service)


def test_a_share_is_one_rule_with_two_weights() -> None:
    written = write(istio(), Route(20))

    assert written["spec"] == {"hosts": ["ad"], "gateways": ["mesh"], "http": [{"route": both(80, 20)}]}


def test_the_service_settings_go_into_the_rule() -> None:
    settings = {
        "hosts": ["ad.example"],
        "gateways": ["public", "mesh"],
        "match": [{"uri": {"prefix": "/ads"}}],
        "rewrite": {"uri": "/", "authority": "ads", "type": "ReplacePrefixMatch"},
        "timeout": "15s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error"},
        "headers": {"request": {"add": {"x-from": "mesh"}}},
        "corsPolicy": {"allowOrigin": ["ad.example"], "maxAge": "24h"},
    }

    written = write(istio(**settings), Route(20))

    kept = {name: settings[name] for name in ("match", "timeout", "retries", "headers", "corsPolicy")}
    rule = {**kept, "rewrite": {"uri": "/", "authority": "ads"}, "route": both(80, 20)}
    assert written["spec"] == {"hosts": ["ad.example", "ad"], "gateways": ["public", "mesh"], "http": [rule]}


@pytest.mark.parametrize("hosts", [["ad"], ["*"], ["x", "ad"]])
def test_hosts_that_hold_the_service_stay(hosts: list[str]) -> None:
    assert write(istio(hosts=hosts), Route())["spec"]["hosts"] == hosts


def test_an_a_b_test_is_a_rule_for_the_matching_and_one_for_the_others() -> None:
    match = {"iterations": 1, "match": [{"headers": {"x": {"exact": "1"}}}, {"sourceLabels": {"app": "web"}}]}
    site = istio(match, match=[{"uri": {"prefix": "/"}, "headers": {"y": {"regex": ".+"}}}])

    http = write(site, Route(100, matched=True))["spec"]["http"]

    assert http == [
        {
            "match": [
                {"uri": {"prefix": "/"}, "headers": {"x": {"exact": "1"}}},
                {"uri": {"prefix": "/"}, "headers": {"y": {"regex": ".+"}}, "sourceLabels": {"app": "web"}},
            ],
            "route": both(0, 100),
        },
        {"match": [{"uri": {"prefix": "/"}, "headers": {"y": {"regex": ".+"}}}], "route": [to("ad-primary", 100)]},
    ]


def test_query_parameters_of_a_match_are_kept() -> None:
    tested = {"iterations": 1, "match": [{"queryParams": {"beta": {"exact": "1"}}}]}

    (first, _) = write(istio(tested, match=[{"uri": {"prefix": "/"}}]), Route())["spec"]["http"]

    assert first["match"] == [{"uri": {"prefix": "/"}, "queryParams": {"beta": {"exact": "1"}}}]


def test_settings_that_change_in_mid_release_leave_the_weights_alone() -> None:
    before = write(istio(), Route(20))

    written = write(istio(timeout="5s"), Route(20), found=before)

    assert written["spec"]["http"] == [{"timeout": "5s", "route": both(80, 20)}]


def test_an_a_b_test_that_flees_takes_everybody_along() -> None:
    assert write(istio(routing.MATCH), Route(100))["spec"]["http"] == [{"route": both(0, 100)}]


@pytest.mark.parametrize(("weight", "share"), [({}, {}), ({"mirrorWeight": 10}, {"mirrorPercentage": {"value": 10}})])
def test_copies_go_to_the_canary(weight: dict[str, Any], share: dict[str, Any]) -> None:
    http = write(istio({**routing.MIRROR, **weight}), Route(mirrored=True))["spec"]["http"]

    assert http == [{"route": both(100, 0), "mirror": {"host": "ad-canary"}, **share}]


def test_sticky_users_are_told_by_their_cookies() -> None:
    http = write(istio(routing.STICKY), Route(20, sticky=True))["spec"]["http"]

    assert http == [
        {"match": [cookie("ad-arm", "t1")], "route": both(0, 100)},
        {"match": [cookie("ad-home", "t2")], "route": both(100, 0)},
        {"route": [to("ad-primary", 80, "ad-home=t2; Max-Age=10"), to("ad-canary", 20, "ad-arm=t1; Max-Age=3600")]},
    ]


def test_a_cookie_lives_as_long_as_its_analysis_and_is_withdrawn_after_it() -> None:
    site = istio(routing.STICKY, headers={"response": {"add": {"x-by": "ad"}, "remove": ["server"]}})

    written = write(site, Route(20, sticky=True), Route(40, sticky=True))
    home = write(site, Route(), Route(0), found=written)["spec"]["http"]

    assert "ad-arm=t1" in json.dumps(written)
    withdrawn = {"x-by": "ad", "Set-Cookie": "ad-arm=t1; Max-Age=-1"}
    assert home[0]["match"] == [cookie("ad-arm", "t1")]
    assert home[0]["headers"] == {"response": {"add": withdrawn, "remove": ["server"]}}
    assert home[1] == {"headers": site.setting("headers"), "route": both(100, 0)}


def test_the_next_analysis_has_new_cookies() -> None:
    written = write(istio(routing.STICKY), Route(20, sticky=True), Route(), Route(20, sticky=True))

    assert "ad-arm=t3" in json.dumps(written)
    assert "ad-arm=t1" not in json.dumps(written)


def test_a_cookie_has_the_attributes_that_were_asked_for() -> None:
    wishes = {"path": "/", "secure": True, "domain": "ad.example", "sameSite": "Lax", "httpOnly": True}
    affinity = {"cookieName": "ad-arm", "partitioned": True, **wishes}
    site = istio({"stepWeight": 20, "sessionAffinity": affinity})

    route = write(site, Route(20, sticky=True))["spec"]["http"][-1]["route"]

    attributes = "Domain=ad.example; HttpOnly; Partitioned; Path=/; SameSite=Lax; Secure"
    assert route == [to("ad-primary", 80), to("ad-canary", 20, f"ad-arm=t1; Max-Age=86400; {attributes}")]


def test_a_delegate_has_neither_hosts_nor_gateways() -> None:
    spec = write(istio(delegation=True, portDiscovery=True), Route())["spec"]

    assert spec.keys() == {"hosts", "http"}
    assert spec["hosts"] == []
    assert spec["http"][0]["route"][0]["destination"] == {"host": "ad-primary", "port": {"number": 80}}


@pytest.mark.parametrize(("gateways", "named"), [(["public"], True), (["mesh"], False), ([], False)])
def test_a_gateway_is_told_the_port_of_many(gateways: list[str], *, named: bool) -> None:
    spec = write(istio(gateways=gateways, portDiscovery=True), Route())["spec"]

    assert ("port" in spec["http"][0]["route"][0]["destination"]) is named


def test_tcp_is_split_by_connections() -> None:
    site = istio(appProtocol="TCP", match=[{"port": 80}])

    written = write(site, Route(20))

    assert written["spec"]["tcp"] == [{"match": [{"port": 80}], "route": both(80, 20)}]
    assert router_drafts.read(site, written) == Route(20)


@pytest.mark.parametrize("wish", [routing.MATCH, routing.MIRROR, routing.STICKY])
def test_tcp_has_no_requests(wish: dict[str, Any]) -> None:
    plan = routing.plan("istio", wish, {"appProtocol": "tcp"})

    assert "appProtocol: tcp has no requests" in DIALECTS["istio"].refusal(plan)


def test_each_arm_has_a_destination_rule_after_the_services() -> None:
    policy = {"tls": {"mode": "ISTIO_MUTUAL"}}

    made = router_drafts.companions(istio(trafficPolicy=policy))

    assert list(made)[3:] == ["DestinationRule/ad-canary", "DestinationRule/ad-primary"]
    assert made["DestinationRule/ad-canary"]["spec"] == {"host": "ad-canary", "trafficPolicy": policy}


@pytest.mark.parametrize(
    ("http", "route"),
    [
        ([], Route()),
        ([{"route": [{"destination": {"host": "ad"}}]}], Route()),
        ([{"route": [{"destination": {"host": "ad-canary"}}]}], Route(100)),
        ([{"route": [to("ad-primary", 1), to("ad-canary", 2)]}], Route(67)),
        ([{"redirect": {"uri": "/"}}], Route()),
    ],
)
def test_what_others_wrote_is_read_for_what_it_does(http: list[Manifest], route: Route) -> None:
    assert router_drafts.read(istio(), {"spec": {"http": http}}) == route


@pytest.mark.parametrize(
    ("primary", "canary", "percent"), [(0, 0, 0), (1000, 1, 1), (1, 1000, 99), (0, 7, 100), (3, 1, 25)]
)
def test_a_share_is_only_nothing_or_all_when_it_is(primary: int, canary: int, percent: int) -> None:
    assert to_percent(primary, canary) == percent


def test_what_stood_before_us_is_noted_once_and_others_marks_stay() -> None:
    before = {"metadata": {"name": "ad", "labels": {"team": "weather"}}, "spec": {"hosts": ["ad"], "http": []}}

    written = write(istio(apex={"labels": {"tier": "front"}}), Route(), Route(20), found=before)

    assert written["metadata"]["labels"] == {"team": "weather", "tier": "front"}
    noted = written["metadata"]["annotations"]["flagger.kubernetes.io/original-configuration"]
    assert json.loads(noted) == before["spec"]


@pytest.mark.parametrize(
    "marks",
    [
        {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        {"annotations": {"penstock.dev/fence": "1"}},
        {"ownerReferences": [{"kind": "Canary", "name": "ad"}]},
    ],
)
def test_what_can_be_given_back_otherwise_is_not_noted(marks: Manifest) -> None:
    before = {"metadata": {"name": "ad", **marks}, "spec": {"hosts": ["ad"]}}

    annotations = write(istio(), Route(), found=before)["metadata"]["annotations"]

    assert "flagger.kubernetes.io/original-configuration" not in annotations


def test_an_object_of_another_canary_is_left_alone() -> None:
    before = {"metadata": {"name": "ad", "annotations": {"penstock.dev/canary": "other"}}, "spec": {}}

    with pytest.raises(ConfigurationError, match="ad: made for canary other, not for ad"):
        write(istio(), Route(), found=before)
