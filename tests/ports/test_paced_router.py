"""How traffic comes home to a primary that cannot carry all of it yet."""

from datetime import timedelta

import pytest

from workflows.clocks import MemoryClock
from workflows.errors import UnavailableError
from workflows.rollout.traffic import Route
from workflows.routers.memory import MemoryRouter
from workflows.routers.paced import LONGEST_WAIT, PacedRouter


class Growing:
    """A primary whose capacity rises, in percent of the traffic, at some seconds after its beginning."""

    def __init__(self, **percents: int) -> None:
        self.clock = MemoryClock()
        self._begun = self.clock.now()
        self._percents = {timedelta(seconds=int(second[1:])): percent for second, percent in percents.items()}

    def capacity(self) -> int:
        elapsed = self.clock.now() - self._begun
        return max(percent for after, percent in self._percents.items() if after <= elapsed)

    @property
    def elapsed(self) -> timedelta:
        return self.clock.now() - self._begun


def shares(router: MemoryRouter) -> list[int]:
    return [route.canary_percent for route in router.history]


def test_a_primary_that_can_carry_all_gets_all_at_once() -> None:
    primary, router = Growing(s0=100), MemoryRouter(Route(60))

    PacedRouter(router, primary.capacity, lambda: True, primary.clock).shift(Route())

    assert (shares(router), primary.elapsed) == ([0], timedelta())


def test_traffic_comes_home_as_fast_as_the_primary_grows() -> None:
    primary, router = Growing(s0=50, s2=75, s4=100), MemoryRouter(Route(60))

    PacedRouter(router, primary.capacity, lambda: True, primary.clock).shift(Route())

    assert (shares(router), primary.elapsed) == ([50, 25, 0], timedelta(seconds=4))


def test_a_failing_canary_keeps_no_user_beyond_the_longest_wait() -> None:
    primary, router = Growing(s0=10), MemoryRouter(Route(60))

    PacedRouter(router, primary.capacity, lambda: True, primary.clock).shift(Route())

    assert (shares(router), primary.elapsed) == ([0], LONGEST_WAIT)


@pytest.mark.parametrize(("found", "asked"), [(0, 0), (0, 50), (20, 100), (60, 60)])
def test_what_gives_the_primary_no_more_than_it_has_does_not_wait(found: int, asked: int) -> None:
    primary, router = Growing(s0=0), MemoryRouter(Route(found))

    PacedRouter(router, primary.capacity, lambda: True, primary.clock).shift(Route(asked))

    assert (PacedRouter(router, primary.capacity, lambda: True, primary.clock).read(), primary.elapsed) == (
        Route(asked),
        timedelta(),
    )


def test_users_that_a_header_picks_come_home_all_at_once() -> None:
    primary, router = Growing(s0=50), MemoryRouter(Route(100, matched=True))

    PacedRouter(router, primary.capacity, lambda: True, primary.clock).shift(Route())

    assert (router.history, primary.elapsed) == ([Route()], timedelta())


def test_a_canary_that_cannot_serve_keeps_no_user_at_all() -> None:
    primary, router = Growing(s0=60), MemoryRouter(Route(50))

    PacedRouter(router, primary.capacity, lambda: False, primary.clock).shift(Route())

    assert (shares(router), primary.elapsed) == ([0], timedelta())


def test_a_canary_that_dies_on_the_way_home_keeps_no_user_either() -> None:
    primary, router = Growing(s0=60), MemoryRouter(Route(60))
    alive = iter([True, True, False])

    PacedRouter(router, primary.capacity, lambda: next(alive), primary.clock).shift(Route())

    assert (shares(router), primary.elapsed) == ([40, 0], timedelta(seconds=2))


def test_a_way_home_that_was_cut_off_has_no_more_time_when_it_is_tried_again() -> None:
    primary, router = Growing(s0=10), MemoryRouter(Route(60))
    paced, broken = PacedRouter(router, primary.capacity, lambda: True, primary.clock), iter([True, False])
    shift = router.shift

    def stumble(route: Route) -> None:
        if next(broken):
            raise UnavailableError("the API server is away")
        shift(route)

    router.shift = stumble  # type: ignore[method-assign] # the router stumbles once
    with pytest.raises(UnavailableError):
        paced.shift(Route())
    paced.shift(Route())

    assert primary.elapsed == LONGEST_WAIT
