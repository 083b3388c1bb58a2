"""Whatever splits follow each other, the object says the last one."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cluster import router_drafts, routing
from tests.cluster.routing import MATCHING, OWNED_BY_USERS, SPLITTING, STICKING
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes.layout import to_percent
from workflows.routers.kubernetes.site import Site

PERCENTS = st.lists(st.integers(0, 100), min_size=1, max_size=4)


@cache
def site(provider: str, wish: str = "") -> Site:
    return routing.site(provider, {"match": routing.MATCH, "sticky": routing.STICKY}.get(wish))


@settings(max_examples=40)
@given(st.sampled_from(SPLITTING), PERCENTS)
def test_every_sequence_of_weights_ends_in_its_last_one(provider: str, percents: list[int]) -> None:
    _, source = OWNED_BY_USERS.get(provider, (None, None))

    written = router_drafts.write(site(provider), *map(Route, percents), source=source)

    assert router_drafts.read(site(provider), written) == Route(percents[-1])


@settings(max_examples=40)
@given(st.sampled_from(STICKING), PERCENTS, st.booleans())
def test_sticky_users_are_sticky_exactly_while_the_canary_has_a_share(
    provider: str,
    percents: list[int],
    fled: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    routes = [Route(percent, sticky=percent > 0) for percent in percents] + [Route(100)] * fled

    written = router_drafts.write(site(provider, "sticky"), *routes)

    assert router_drafts.read(site(provider, "sticky"), written) == routes[-1]


@settings(max_examples=40)
@given(
    st.sampled_from(MATCHING), st.lists(st.sampled_from([Route(), Route(100), Route(100, matched=True)]), min_size=1)
)
def test_an_a_b_test_says_whom_it_picks(provider: str, routes: list[Route]) -> None:
    _, source = OWNED_BY_USERS.get(provider, (None, None))

    written = router_drafts.write(site(provider, "match"), *routes, source=source)

    assert router_drafts.read(site(provider, "match"), written) == routes[-1]


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_share_is_nothing_or_all_only_when_an_arm_gets_nothing(primary: int, canary: int) -> None:
    percent = to_percent(primary, canary)

    assert (percent == 0) is (canary == 0)
    assert (percent == 100) is (canary > 0 and primary == 0)


@settings(max_examples=40)
@given(st.sampled_from(SPLITTING), st.integers(0, 100))
def test_what_is_written_again_is_what_is_there(provider: str, percent: int) -> None:
    _, source = OWNED_BY_USERS.get(provider, (None, None))
    sticky = provider in STICKING
    place, route = site(provider, "sticky" if sticky else ""), Route(percent, sticky=sticky and percent > 0)
    written = router_drafts.write(place, route, source=source)

    assert router_drafts.write(place, route, source=source, found=written) == written
