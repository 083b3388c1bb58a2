"""Where traffic goes: splits, readiness and home."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rollout.phase import Phase
from workflows.rollout.traffic import Arm, Readiness, Route, home, route_home

READY = Readiness(ready=True, endpoints=2)
WEAK = Readiness(ready=False, endpoints=1, reason="1 of 2")
DEAD = Readiness(ready=False, endpoints=0, reason="0 of 2")
PROMOTED = {Phase.PROMOTING, Phase.FINALISING}


@given(st.integers(0, 100))
def test_the_shares_of_a_split_sum_to_100(percent: int) -> None:
    route = Route(percent)

    assert route.canary_percent + route.primary_percent == 100


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_share_outside_0_to_100_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match=f"canary_percent: {percent} is not within 0 to 100"):
        Route(percent)


@pytest.mark.parametrize(
    ("route", "text"), [(Route(20), "20"), (Route(100, matched=True, sticky=True), "100, matched, sticky")]
)
def test_a_route_names_its_share_and_what_is_special_about_it(route: Route, text: str) -> None:
    assert str(route) == text


def test_an_arm_without_endpoints_is_not_ready_whatever_its_threshold() -> None:
    assert Readiness(ready=True, endpoints=0) == Readiness(ready=False, endpoints=0, reason="no ready endpoint")


def test_a_reason_that_was_given_is_kept() -> None:
    arm = Readiness(ready=True, endpoints=0, reason="scaled to zero", unready_for=timedelta(seconds=5))

    assert (arm.reason, arm.unready_for) == ("scaled to zero", timedelta(seconds=5))


@pytest.mark.parametrize("canary", [READY, WEAK, DEAD])
@pytest.mark.parametrize("primary", [READY, WEAK, DEAD])
@pytest.mark.parametrize("phase", list(Phase))
def test_home_is_never_an_arm_that_cannot_serve(phase: Phase, primary: Readiness, canary: Readiness) -> None:
    arm = home(phase, primary, canary)

    assert (arm is None) is not (primary.serving or canary.serving)
    assert arm is None or {Arm.PRIMARY: primary, Arm.CANARY: canary}[arm].serving


@pytest.mark.parametrize("canary", [READY, WEAK, DEAD])
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in PROMOTED])
@pytest.mark.parametrize("primary", [READY, WEAK])
def test_home_is_the_primary_while_it_serves(phase: Phase, primary: Readiness, canary: Readiness) -> None:
    assert home(phase, primary, canary) is Arm.PRIMARY


@pytest.mark.parametrize("phase", sorted(PROMOTED, key=str))
@pytest.mark.parametrize(
    ("primary", "canary", "arm"),
    [
        (READY, READY, Arm.PRIMARY),
        (WEAK, READY, Arm.CANARY),
        (WEAK, WEAK, Arm.CANARY),
        (WEAK, DEAD, Arm.PRIMARY),
        (DEAD, WEAK, Arm.CANARY),
    ],
)
def test_home_is_the_canary_until_the_promoted_primary_is_ready(
    phase: Phase, primary: Readiness, canary: Readiness, arm: Arm
) -> None:
    assert home(phase, primary, canary) is arm


def test_the_way_home_is_all_or_nothing() -> None:
    assert [route_home(arm) for arm in (Arm.PRIMARY, Arm.CANARY)] == [Route(0), Route(100)]
