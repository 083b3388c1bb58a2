"""The judge's smaller parts: tallies, dispersion, guard, health, baseline, ladder, terms."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judge.windows import make_arm
from workflows.rollout import guard, health, ladder, tally
from workflows.rollout.baseline import Baseline, learn
from workflows.rollout.dispersion import Dispersion
from workflows.rollout.guard import Guard
from workflows.rollout.samples import ArmCounts
from workflows.rollout.tally import Split, Tally
from workflows.rollout.terms import Mode, Terms

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("raw", "cleaned"), [(3, 3), (2.5, 2.5), (0, 0), (-4, 0), (NAN, 0), (INF, 0), (-INF, 0), (10**400, 1e12)]
)
def test_a_count_is_made_finite_and_never_negative(raw: float, cleaned: float) -> None:
    assert tally.clean(raw) == cleaned


def test_there_are_never_more_errors_than_requests() -> None:
    assert tally.tally_errors(ArmCounts({"2xx": -5, "5xx": 9})) == Tally(4, 4)


def test_slow_requests_are_those_above_a_bound() -> None:
    arm = make_arm(1000)

    assert tally.tally_slow(arm, 250) == Tally(1000, 60)
    assert tally.tally_slow(arm, 333) == Tally()


def test_buckets_that_fall_do_not_make_negative_slow_requests() -> None:
    assert tally.tally_slow(ArmCounts({}, ((100.0, 9), (INF, 4))), 100) == Tally(4, 0)


def test_independent_errors_have_a_design_effect_near_1() -> None:
    random, seen = Random(1), Dispersion()
    for _ in range(200):
        seen = seen.plus([Tally(250, sum(random.random() < 0.02 for _ in range(250))) for _ in range(4)])

    assert seen.design_effect < 1.2


def test_errors_in_fives_have_a_design_effect_near_5() -> None:
    random, seen = Random(1), Dispersion()
    for _ in range(60):
        hit = random.randrange(4)
        seen = seen.plus([Tally(250, 5 if pod == hit else 0) for pod in range(4)])

    assert seen.design_effect == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    "pods",
    [[], [Tally(9, 4)], [Tally(9, 4), Tally()], [Tally(9, 0), Tally(9, 0)], [Tally(9, 9), Tally(9, 9)]],
    ids=["none", "one", "one answers", "no errors", "all errors"],
)
def test_pods_that_cannot_differ_teach_no_dispersion(pods: list[Tally]) -> None:
    assert Dispersion().plus(pods) == Dispersion()


def test_the_design_effect_is_1_while_nothing_is_known() -> None:
    assert Dispersion().design_effect == 1


@pytest.mark.parametrize(
    ("allowed", "history", "limit"), [(0.01, 0.001, 0.05), (0.01, 0.1, 0.2), (0.1, 0.0, 0.1), (0.0, 0.5, 0.4)]
)
def test_the_guard_limit_follows_the_owner_and_the_history(allowed: float, history: float, limit: float) -> None:
    assert guard.limit_share(allowed, history) == limit


def test_the_guard_finds_a_canary_that_fails_half_its_requests_without_a_primary() -> None:
    assert Guard().plus(Split(Tally(20, 10)), 0.05, 10).evidence() > 1000


def test_the_guard_holds_while_the_primary_fails_as_well() -> None:
    incident = Split(Tally(20, 10), Tally(80, 8))

    assert Guard().plus(incident, 0.05, 10).evidence() == 1


def test_the_guard_judges_again_some_time_after_an_incident() -> None:
    watched = Guard().plus(Split(Tally(20, 2), Tally(80, 8)), 0.05, 10)
    for _ in range(3):
        watched = watched.plus(Split(Tally(20, 0), Tally(80, 0)), 0.05, 10)

    assert watched.plus(Split(Tally(20, 10), Tally(80, 0)), 0.05, 10).evidence() > 20


def test_the_guard_looks_only_for_shares_above_its_limit() -> None:
    assert Guard().plus(Split(Tally(100, 20)), 0.4, 10).sums[:2] == (0, 0)


def test_tempering_weakens_the_guard() -> None:
    watched = Guard().plus(Split(Tally(20, 10)), 0.05, 10)

    assert 1 < watched.evidence(5) < watched.evidence() / 100


def test_health_grows_with_good_answers_and_falls_with_bad_ones() -> None:
    grown = health.grow(0, Tally(1000, 1), 0.001, 0.005)

    assert grown == pytest.approx(999 * math.log(0.999 / 0.994) + math.log(0.001 / 0.006))
    assert health.grow(0, Tally(10, 10), 0.001, 0.005) == health.FLOOR


@pytest.mark.parametrize(("base", "delta"), [(0.0, 0.01), (0.7, 0.35), (1.0, 0.1)])
def test_health_cannot_be_had_where_no_excess_fits(base: float, delta: float) -> None:
    assert health.grow(1.5, Tally(100, 3), base, delta) == 1.5
    assert health.gain(base, delta) == 0


@pytest.mark.parametrize(
    ("base", "share", "delta"), [(0.001, 0.05, 0.04), (0.001, 0.8, 0.005), (0.03, 0.8, 0.018), (0.001, 0.0, 2.0)]
)
def test_the_excess_that_matters_shrinks_with_the_next_weight(base: float, share: float, delta: float) -> None:
    assert health.ERROR_MARGIN.excess(base, share) == pytest.approx(delta)


def test_latency_streams_begin_at_the_median_and_halve() -> None:
    assert learn(Baseline(), make_arm(1000), ()).streams() == (100, 250, 500, 1000)


def test_latency_streams_wait_for_enough_requests() -> None:
    assert learn(Baseline(), make_arm(10), ()).streams() == ()


def test_fine_buckets_are_thinned() -> None:
    fine = ArmCounts({"2xx": 2000}, (*((float(ms), min(2000, 10 * ms)) for ms in range(1, 250)), (INF, 2000)))

    known = learn(Baseline(), fine, ())

    assert len(known.bounds) <= 40
    assert 3 <= len(known.streams()) <= 5


@pytest.mark.parametrize(("limit", "bound"), [(500.0, 500.0), (400.0, 500.0), (9000.0, 1000.0), (None, 500.0)])
def test_a_request_is_slow_above_the_owners_limit_or_in_the_tail(limit: float | None, bound: float | None) -> None:
    assert learn(Baseline(), make_arm(1000), ()).slow_bound(limit) == bound


def test_a_primary_without_latency_has_no_slow_bound() -> None:
    known = learn(Baseline(), make_arm(1000, slow=None), ())

    assert known.slow_bound(None) is None
    assert known.timed == 0


@pytest.mark.parametrize(
    ("traffic", "ladder_taken"),
    [(None, (1, 5, 20, 40)), (10_000, (1, 5, 20, 40)), (1000, (5, 20, 40)), (100, (20, 40)), (0, (20, 40))],
)
def test_low_rungs_are_taken_where_the_traffic_feeds_them(traffic: float | None, ladder_taken: tuple[int]) -> None:
    assert ladder.rungs((20, 40), traffic) == ladder_taken


@given(st.lists(st.integers(1, 100), min_size=1, unique=True), st.integers(0, 100), st.none() | st.floats(0, 1e6))
def test_the_next_rung_is_always_above(weights: list[int], weight: int, traffic: float | None) -> None:
    following = ladder.next_rung(sorted(weights), weight, traffic)

    assert following is None or following > weight


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (4, 1), (5, 1), (6, 2), (100, 17)])
def test_the_declared_restarts_last_for_the_ladder(steps: int, every: int) -> None:
    assert ladder.restart_every(range(1, steps + 1), 6) == every


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"weights": ()}, "weights"),
        ({"weights": (20, 20)}, "weights"),
        ({"weights": (20, 120)}, "weights"),
        ({"weights": (0, 20)}, "weights"),
        ({"alpha": 0}, "alpha"),
        ({"allowed_errors": 2}, "allowed_errors"),
        ({"interval_s": 0}, "times"),
        ({"bake_s": NAN}, "times"),
    ],
)
def test_terms_that_decide_nothing_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Terms(**{"weights": (20, 40), **wrong})  # type: ignore[arg-type] - wrong on purpose


@pytest.mark.parametrize(("mode", "patience"), [(Mode.NORMAL, 360), (Mode.STRICT, 600)])
def test_strict_is_more_patient(mode: Mode, patience: float) -> None:
    assert Terms((20,), mode).patience_s == patience
