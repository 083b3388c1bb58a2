"""What the judge makes of counts that cannot be right, of silence, and of clocks that jump: it never steps blindly."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judge.windows import NOTHING, TERMS, Bench, make_arm
from workflows.rollout.case import Case, Look, Sight
from workflows.rollout.case_record import encode
from workflows.rollout.evidence import observe
from workflows.rollout.explanation import explain
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Verdict

NAN = math.nan
GOOD, BUSY = make_arm(200), make_arm(800, 1)


@pytest.fixture
def bench() -> Bench:
    seen = Bench()
    seen.learn(make_arm(1000, 1))
    return seen


@pytest.mark.parametrize(
    ("canary", "primary", "sight"),
    [
        (NOTHING, NOTHING, Sight.DARK),
        (NOTHING, make_arm(800), Sight.LOPSIDED),
        (NOTHING, make_arm(8), Sight.NO_CANARY),
        (make_arm(2), NOTHING, Sight.NO_PRIMARY),
        (make_arm(200), NOTHING, Sight.LOPSIDED),
        (make_arm(200), make_arm(8_000_000), Sight.LOPSIDED),
        (make_arm(500_000), make_arm(800), Sight.LOPSIDED),
    ],
)
def test_an_arm_without_data_or_counts_that_do_not_fit_never_pass(
    bench: Bench, canary: ArmCounts, primary: ArmCounts, sight: Sight
) -> None:
    findings = [bench.look(20, canary, primary) for _ in range(36)]

    assert {finding.sight for finding in findings} == {sight}
    assert {finding.verdict for finding in findings} == {Verdict.INCONCLUSIVE}
    assert findings[-1].stuck


def test_silence_of_one_window_after_a_good_dwell_holds(bench: Bench) -> None:
    bench.dwell(20, GOOD, BUSY)

    finding = bench.look(20, NOTHING, NOTHING)

    assert (finding.verdict, finding.obstacle) == (Verdict.INCONCLUSIVE, "neither arm has data")


def test_a_frozen_source_is_never_health(bench: Bench) -> None:
    bench.look(20, GOOD, BUSY)
    before = bench.case.health_errors
    bench.dwell(20, NOTHING, NOTHING, ticks=20)

    assert (bench.case.health_errors, bench.case.seen_s) == (before, 10)


def test_a_missed_scrape_is_made_up_by_the_next_window(bench: Bench) -> None:
    bench.look(20, NOTHING, NOTHING)

    assert bench.look(20, make_arm(400), make_arm(1600)).sight is Sight.CLEAR


def test_a_counter_reset_leaves_fewer_requests_and_no_false_evidence(bench: Bench) -> None:
    before = TrafficCounts(make_arm(90_000, 90), make_arm(20_000, 20))
    after = TrafficCounts(make_arm(90_800, 91), make_arm(150, 0))
    window = after.since(before)

    finding = bench.look(20, window.canary, window.primary)

    assert (window.canary.total, finding.sight) == (150, Sight.CLEAR)
    assert finding.scores.total < 1


def test_a_counter_that_comes_back_with_its_whole_past_is_not_compared(bench: Bench) -> None:
    before = bench.look(20, GOOD, BUSY).scores

    after = bench.look(20, make_arm(200, 2), make_arm(10_000_000, 100))

    assert (after.sight, after.scores.errors) == (Sight.LOPSIDED, before.errors)


def test_sticky_users_may_split_otherwise_than_asked(bench: Bench) -> None:
    look = Look(1e3, 20, TrafficCounts(make_arm(200), make_arm(800)), sticky=True)

    assert observe(TERMS, bench.case, look).sight is Sight.CLEAR


def test_a_canary_that_fails_everything_is_rolled_back_though_its_counts_do_not_fit(bench: Bench) -> None:
    assert bench.look(20, make_arm(20, 20), make_arm(9800, 9)).verdict is Verdict.FAILED


def test_a_silent_canary_at_100_percent_holds(bench: Bench) -> None:
    finding = bench.look(100, NOTHING, make_arm(5))

    assert (finding.sight, finding.verdict) == (Sight.NO_CANARY, Verdict.INCONCLUSIVE)


def test_a_clock_that_jumps_ahead_neither_ends_the_dwell_nor_the_bake(bench: Bench) -> None:
    bench.look(80, make_arm(80), make_arm(20))
    bench.at_s += 86_400

    finding = bench.look(80, make_arm(80), make_arm(20))

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert bench.case.baked_s == 30


@pytest.mark.parametrize("at_s", [-1e9, NAN, math.inf])
def test_a_clock_that_jumps_back_or_breaks_lets_no_time_pass(bench: Bench, at_s: float) -> None:
    bench.look(20, GOOD, BUSY)

    case = observe(TERMS, bench.case, Look(at_s, 20, TrafficCounts(BUSY, GOOD))).case

    assert case.seen_s == 10
    assert json.dumps(encode(case), allow_nan=False)


def test_a_first_look_without_a_time_counts_one_interval() -> None:
    assert observe(TERMS, Case(), Look(NAN, 20, TrafficCounts(BUSY, GOOD))).case.seen_s == 10


def test_pods_that_come_and_go_do_not_matter_to_the_sums(bench: Bench) -> None:
    for pods in ((), (make_arm(400),), (make_arm(400), make_arm(400, 1)), (NOTHING, make_arm(800, 1))):
        finding = bench.look(20, GOOD, BUSY, pods)

    assert finding.scores.total < 1


def test_a_source_that_changes_its_buckets_keeps_the_judge_going(bench: Bench) -> None:
    bench.look(20, GOOD, BUSY)
    other = ArmCounts({"2xx": 200, "5xx": 0}, ((75.0, 100), (math.inf, 200)))

    assert bench.look(20, other, replace(other)).verdict is Verdict.INCONCLUSIVE


NUMBERS = st.one_of(st.integers(-5, 2000), st.floats(), st.integers(-(10**30), 10**30))
ARMS = st.builds(
    lambda good, bad, latency: ArmCounts({"2xx": good, "5xx": bad}, latency),  # type: ignore[arg-type] - any numbers
    NUMBERS,
    NUMBERS,
    st.lists(st.tuples(st.sampled_from([50.0, 500.0, NAN, -1.0, math.inf]), NUMBERS), max_size=4).map(tuple),
)
PODS = st.builds(
    lambda arm, pods: replace(arm, parts={str(place): pod for place, pod in enumerate(pods)}),
    ARMS,
    st.lists(ARMS, max_size=3),
)
LOOKS = st.builds(
    Look,
    at_s=st.floats(),
    weight=st.integers(-10, 200),
    window=st.builds(TrafficCounts, PODS, ARMS),
    sticky=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LOOKS, min_size=1, max_size=8))
def test_no_numbers_make_the_judge_raise_or_forget_how_to_count(looks: list[Look]) -> None:
    case = Case()
    for look in looks:
        finding = observe(TERMS, case, look)
        case = finding.case

        assert explain(TERMS, finding)
        assert json.dumps(encode(case), allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(LOOKS, min_size=1, max_size=8))
def test_a_window_without_canary_answers_never_passes_a_rung_of_the_plan(looks: list[Look]) -> None:
    case = Case()
    for look in looks:
        blind = replace(look, weight=max(20, look.weight), window=replace(look.window, canary=NOTHING))
        finding = observe(TERMS, case, blind)
        case = finding.case

        assert finding.verdict is Verdict.INCONCLUSIVE
