"""What every TrafficRouter does with a split, and what Envoy makes of it."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster import routing
from tests.local_traffic import eventually, get, replies, versions
from workflows.errors import ConfigurationError, UnavailableError
from workflows.local import ports
from workflows.local.platform import LocalPlatform
from workflows.metrics.envoy import EnvoyCounter
from workflows.ports import TrafficRouter
from workflows.rollout.plan import Analysis, RequestMatch, SessionAffinity, StringMatch
from workflows.rollout.traffic import Route
from workflows.routers import envoy_routes
from workflows.routers.envoy import EnvoyRouter, place
from workflows.routers.memory import MemoryRouter


def analysis(**wishes: object) -> Analysis:
    return Analysis(interval=timedelta(seconds=2), threshold=1, **wishes)


LOCAL: dict[str, Callable[[pytest.FixtureRequest], TrafficRouter]] = {
    "memory": lambda _: MemoryRouter(),
    "envoy": lambda request: EnvoyRouter(request.getfixturevalue("pair").directory),
}


def build(request: pytest.FixtureRequest, name: str, analysis: dict[str, object]) -> TrafficRouter:
    if name in LOCAL:
        return LOCAL[name](request)
    return routing.set_up(request.getfixturevalue("cluster"), name, analysis).router()


@pytest.fixture(params=[*LOCAL, *routing.SPLITTING])
def router(request: pytest.FixtureRequest) -> TrafficRouter:
    return build(request, request.param, routing.BY_WEIGHT)


@pytest.fixture(params=[*LOCAL, *routing.MIRRORING])
def able_router(request: pytest.FixtureRequest) -> TrafficRouter:
    return build(request, request.param, routing.MATCH)


def test_a_router_begins_at_home(router: TrafficRouter) -> None:
    assert router.read() == Route()


@pytest.mark.parametrize("route", [Route(0), Route(20), Route(100)])
def test_a_split_that_was_put_in_force_is_read_back(router: TrafficRouter, route: Route) -> None:
    router.shift(route)

    assert router.read() == route


@pytest.mark.parametrize("route", [Route(100, matched=True), Route(0, mirrored=True)])
def test_a_match_or_a_mirror_that_was_put_in_force_is_read_back(able_router: TrafficRouter, route: Route) -> None:
    able_router.shift(route)

    assert able_router.read() == route


def test_a_split_put_in_force_twice_is_in_force_once(router: TrafficRouter) -> None:
    router.shift(Route(40))
    router.shift(Route(40))

    assert router.read() == Route(40)


@pytest.mark.parametrize(("percent", "version"), [(0, "v1"), (100, "v2")])
def test_all_users_meet_the_version_that_has_all_the_traffic(pair: LocalPlatform, percent: int, version: str) -> None:
    EnvoyRouter(pair.directory).shift(Route(percent))

    assert versions(pair.addresses.apex, 50) == {version: 50}


def test_a_share_of_the_users_meets_the_canary(pair: LocalPlatform) -> None:
    EnvoyRouter(pair.directory).shift(Route(20))

    # 20 % of 1000 with a standard deviation of 12.6: five of them on either side.
    assert 137 <= versions(pair.addresses.apex, 1000)["v2"] <= 263


def test_each_arm_has_an_address_of_its_own_whatever_the_split(pair: LocalPlatform) -> None:
    EnvoyRouter(pair.directory).shift(Route(50))

    assert versions(pair.addresses.primary, 20) == {"v1": 20}
    assert versions(pair.addresses.canary, 20) == {"v2": 20}


MATCHES = (
    RequestMatch(headers={"X-Canary": StringMatch("exact", "always")}),
    RequestMatch(headers={"cookie": StringMatch("regex", r"^(.*?;)?(type=insider)(;.*)?$")}),
    RequestMatch(query_params={"beta": StringMatch("prefix", "y")}, headers={"x-site": StringMatch("suffix", ".org")}),
)


@pytest.mark.parametrize(
    ("path", "headers", "version"),
    [
        ("/ad", {}, "v1"),
        ("/ad", {"x-canary": "always"}, "v2"),
        ("/ad", {"x-canary": "sometimes"}, "v1"),
        ("/ad", {"cookie": "a=1;type=insider"}, "v2"),
        ("/ad", {"cookie": "type=outsider"}, "v1"),
        ("/ad?beta=yes", {"x-site": "example.org"}, "v2"),
        ("/ad?beta=yes", {}, "v1"),
    ],
)
def test_an_a_b_test_sends_the_matching_users_to_the_canary(
    pair: LocalPlatform, path: str, headers: dict[str, str], version: str
) -> None:
    EnvoyRouter(pair.directory, analysis(match=MATCHES)).shift(Route(100, matched=True))

    assert versions(pair.addresses.apex, 10, path, headers) == {version: 10}


def test_mirrored_requests_are_answered_by_the_primary_and_copied_to_the_canary(pair: LocalPlatform) -> None:
    counter = EnvoyCounter(pair.directory)
    before = counter.read()
    EnvoyRouter(pair.directory, analysis(mirror_percent=100)).shift(Route(0, mirrored=True))

    met = versions(pair.addresses.apex, 40)

    assert met == {"v1": 40}
    eventually(lambda: counter.read().since(before).canary.total == 40)


AFFINITY = SessionAffinity(
    "ad-arm", "ad-home", timedelta(hours=1), {"path": "/", "httpOnly": "true", "secure": "false", "colour": "red"}
)


def cookie_of(text: str) -> str:
    return text.partition(";")[0]


def test_a_sticky_user_stays_with_the_canary_at_every_weight(pair: LocalPlatform) -> None:
    router = EnvoyRouter(pair.directory, analysis(affinity=AFFINITY))
    router.shift(Route(99, sticky=True))
    cookie = next(reply.cookies for reply in replies(pair.addresses.apex, 50) if reply.version == "v2")

    router.shift(Route(1, sticky=True))

    assert versions(pair.addresses.apex, 30, headers={"cookie": cookie_of(cookie)}) == {"v2": 30}


def test_the_cookie_has_the_attributes_that_were_asked_for(pair: LocalPlatform) -> None:
    EnvoyRouter(pair.directory, analysis(affinity=AFFINITY)).shift(Route(100, sticky=True))

    assert re.fullmatch(r"ad-arm=\w{10}; Max-Age=3600; Path=/; HttpOnly", get(pair.addresses.apex).cookies)


def test_a_sticky_user_of_the_primary_stays_for_an_interval(pair: LocalPlatform) -> None:
    router = EnvoyRouter(pair.directory, analysis(affinity=AFFINITY))
    router.shift(Route(1, sticky=True))
    cookie = next(reply.cookies for reply in replies(pair.addresses.apex, 50) if reply.version == "v1")

    router.shift(Route(99, sticky=True))

    assert "Max-Age=2" in cookie
    assert versions(pair.addresses.apex, 30, headers={"cookie": cookie_of(cookie)}) == {"v1": 30}


def test_a_sticky_user_goes_home_when_all_traffic_does(pair: LocalPlatform) -> None:
    router = EnvoyRouter(pair.directory, analysis(affinity=AFFINITY))
    router.shift(Route(100, sticky=True))
    cookie = cookie_of(get(pair.addresses.apex).cookies)

    router.shift(Route(0))
    router.shift(Route(1, sticky=True))

    assert versions(pair.addresses.apex, 30, headers={"cookie": cookie})["v1"] > 20


def test_a_canary_cookie_alone_leaves_the_primary_without_one(pair: LocalPlatform) -> None:
    affinity = SessionAffinity("ad-arm", attributes={"sameSite": "Lax"})
    EnvoyRouter(pair.directory, analysis(affinity=affinity)).shift(Route(1, sticky=True))

    met = replies(pair.addresses.apex, 50)

    assert {reply.cookies for reply in met if reply.version == "v1"} == {""}


def test_a_rule_that_envoy_refuses_is_named_and_the_old_split_stays(pair: LocalPlatform) -> None:
    broken = (RequestMatch(headers={"x": StringMatch("regex", "(")}),)
    EnvoyRouter(pair.directory).shift(Route(30))

    with pytest.raises(ConfigurationError, match=r"Envoy refused .* the split stays as it was"):
        EnvoyRouter(pair.directory, analysis(match=broken)).shift(Route(100, matched=True))

    assert EnvoyRouter(pair.directory).read() == Route(30)
    EnvoyRouter(pair.directory).shift(Route(0))


def test_two_writers_at_once_both_get_their_turn(pair: LocalPlatform) -> None:
    shifts = [Route(percent) for percent in (10, 20, 30, 40)]
    threads = [threading.Thread(target=EnvoyRouter(pair.directory).shift, args=(route,)) for route in shifts]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert EnvoyRouter(pair.directory).read() in shifts


def test_labels_of_callers_are_refused_since_only_a_mesh_knows_them(tmp_path: Path) -> None:
    match = (RequestMatch(source_labels={"app": "web"}),)

    with pytest.raises(ConfigurationError, match=r"match\[0\]\.sourceLabels"):
        EnvoyRouter(tmp_path, analysis(match=match))


def test_an_unknown_way_to_match_is_refused_with_the_known_ones() -> None:
    rules = envoy_routes.Rules(match=(RequestMatch(headers={"x": StringMatch("glob", "*")}),))

    with pytest.raises(
        ConfigurationError, match="'glob' is no way to match a text; known: exact, prefix, regex, suffix"
    ):
        envoy_routes.configuration(Route(100, matched=True), rules, "t")


def test_without_a_platform_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="penstock local up"):
        EnvoyRouter(tmp_path).read()
    with pytest.raises(UnavailableError, match="penstock local up"):
        EnvoyRouter(tmp_path).shift(Route())


def test_with_envoy_gone_for_good_the_way_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "envoy" / "routes").mkdir(parents=True)
    place(tmp_path, Route())

    with pytest.raises(UnavailableError, match=r"Envoy does not answer .*penstock local up"):
        EnvoyRouter(tmp_path).shift(Route(10))


def test_an_envoy_that_stays_away_is_waited_for_in_vain_but_not_for_ever(tmp_path: Path) -> None:
    (tmp_path / "envoy" / "routes").mkdir(parents=True)
    place(tmp_path, Route())
    (tmp_path / "envoy" / "admin.address").write_text(f"127.0.0.1:{ports.free()}")

    with pytest.raises(UnavailableError, match=r"Envoy does not answer .*penstock local up"):
        EnvoyRouter(tmp_path, patience_s=0.1).shift(Route(10))


def test_an_envoy_that_does_not_take_a_split_in_time_is_named(pair: LocalPlatform, tmp_path: Path) -> None:
    (tmp_path / "envoy" / "routes").mkdir(parents=True)
    place(tmp_path, Route())
    (tmp_path / "envoy" / "admin.address").write_text(pair.book.admin)

    with pytest.raises(UnavailableError, match=r"Envoy did not take .* within 0\.1 s"):
        EnvoyRouter(tmp_path, patience_s=0.1).shift(Route(10))


def test_a_route_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "envoy" / "routes").mkdir(parents=True)
    (tmp_path / "envoy" / "routes" / "apex.json").write_text("{}")

    with pytest.raises(ConfigurationError, match="not a route file"):
        EnvoyRouter(tmp_path).read()


@given(st.integers(0, 100), st.booleans())
def test_the_weights_of_every_split_sum_to_100(percent: int, sticky: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    document = envoy_routes.configuration(Route(percent, sticky=sticky), envoy_routes.Rules(affinity=AFFINITY), "t")

    last = document["virtual_hosts"][0]["routes"][-1]["route"]["weighted_clusters"]["clusters"]
    assert [share["weight"] for share in last] == [100 - percent, percent]
