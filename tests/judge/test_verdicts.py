"""The evidence judge, look by look: rollback, early steps, dwell, hold, bake, strict, tempering."""

from dataclasses import replace

import pytest

from tests.judge.windows import NOTHING, STRICT, TERMS, Bench, make_arm
from workflows.rollout.case import Sight
from workflows.rollout.finding import Signal
from workflows.rollout.samples import ArmCounts
from workflows.rollout.state import Verdict

SLOWER = (0.97, 0.75, 0.2, 0.03, 0.001)
TAIL = (0.9, 0.51, 0.08, 0.025, 0.02)


@pytest.fixture
def bench() -> Bench:
    seen = Bench()
    seen.learn(make_arm(1000, 1))
    return seen


@pytest.fixture
def strict() -> Bench:
    seen = Bench(STRICT)
    seen.learn(make_arm(1000, 1))
    return seen


def test_a_canary_that_fails_half_its_requests_is_rolled_back_at_the_first_look(bench: Bench) -> None:
    finding = bench.look(5, make_arm(50, 25), make_arm(950, 1))

    assert (finding.verdict, finding.scores.leading) == (Verdict.FAILED, Signal.ERRORS)


@pytest.mark.parametrize("slow", [SLOWER, TAIL], ids=["half as slow again", "a tail of two seconds"])
def test_a_slower_canary_is_rolled_back_by_its_latency(bench: Bench, slow: tuple[float, ...]) -> None:
    findings = [bench.look(20, make_arm(200, 0, slow), make_arm(800, 1)) for _ in range(5)]

    assert Verdict.PASSED not in {finding.verdict for finding in findings}
    assert (findings[-1].verdict, findings[-1].scores.leading) == (Verdict.FAILED, Signal.LATENCY)


def test_much_good_traffic_licenses_a_step_before_the_dwell_is_over(bench: Bench) -> None:
    finding = bench.look(20, make_arm(2000, 2), make_arm(8000, 8))

    assert finding.verdict is Verdict.PASSED


def test_the_dwell_licenses_a_step_where_traffic_is_thin(bench: Bench) -> None:
    held = bench.dwell(20, make_arm(20), make_arm(80), ticks=5)
    passed = bench.look(20, make_arm(20), make_arm(80))

    assert (held.verdict, passed.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASSED)
    assert held.obstacle.endswith("10 s of the dwell are left")


def test_a_dwell_alone_does_not_take_an_unwell_canary_further(bench: Bench) -> None:
    finding = bench.dwell(80, make_arm(200, 1), make_arm(50, 0), ticks=6)

    assert finding.scores.total < TERMS.doubt
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_strict_never_steps_by_the_dwell(strict: Bench) -> None:
    findings = [strict.look(20, make_arm(4), make_arm(16)) for _ in range(60)]

    assert {finding.verdict for finding in findings} == {Verdict.INCONCLUSIVE}
    assert [finding.stuck for finding in findings].index(True) == 59


def test_strict_steps_by_health(strict: Bench) -> None:
    assert strict.look(20, make_arm(2000, 2), make_arm(8000, 8)).verdict is Verdict.PASSED


def test_doubt_holds_the_weight_until_the_rung_has_lasted_too_long(bench: Bench) -> None:
    doubtful = bench.look(20, make_arm(200, 4), make_arm(800, 1))
    findings = [bench.look(20, make_arm(1), make_arm(4)) for _ in range(35)]

    assert TERMS.doubt <= doubtful.scores.total < TERMS.limit
    assert {finding.verdict for finding in findings} == {Verdict.INCONCLUSIVE}
    assert findings[-1].stuck
    assert not findings[-2].stuck


def test_promotion_waits_for_the_bake(bench: Bench) -> None:
    findings = [bench.look(80, make_arm(8000, 8), make_arm(2000, 2)) for _ in range(12)]

    assert [finding.verdict for finding in findings].index(Verdict.PASSED) == 11
    assert findings[-2].obstacle == "110 s of the 120 s of analysis before promotion have been seen"


def test_a_new_weight_begins_health_and_dwell_again(bench: Bench) -> None:
    bench.dwell(20, make_arm(2000, 2), make_arm(8000, 8))
    bench.look(40, make_arm(4), make_arm(6))

    assert (bench.case.rung_s, bench.case.seen_s, bench.case.baked_s) == (10, 10, 70)
    assert bench.case.health_errors < 1
    assert len(bench.case.errors.restarts) == 1


def test_a_fault_that_starts_late_is_found_after_a_long_good_past(bench: Bench) -> None:
    for weight in (20, 40, 60):
        bench.dwell(weight, make_arm(10 * weight), make_arm(1000 - 10 * weight, 1))

    finding = bench.dwell(80, make_arm(800, 40), make_arm(200, 0), ticks=2)

    assert finding.verdict is Verdict.FAILED


def test_a_tiny_difference_does_not_count_however_certain(bench: Bench) -> None:
    finding = bench.look(20, make_arm(10_000_000, 2800), make_arm(40_000_000, 4000))

    assert finding.scores.excess < TERMS.least_excess
    assert finding.verdict is Verdict.PASSED


def test_the_same_difference_counts_where_less_is_asked(bench: Bench) -> None:
    bench.terms = replace(TERMS, least_excess=0.00001)

    assert bench.look(20, make_arm(10_000_000, 2800), make_arm(40_000_000, 4000)).verdict is Verdict.FAILED


def test_a_shared_incident_holds_and_does_not_roll_back(bench: Bench) -> None:
    findings = [bench.look(20, make_arm(200, 20), make_arm(800, 80)) for _ in range(18)]

    assert Verdict.FAILED not in {finding.verdict for finding in findings}
    assert max(finding.scores.total for finding in findings) < TERMS.doubt


def test_clusters_that_the_primarys_pods_show_temper_the_evidence() -> None:
    pods = tuple(make_arm(250, 5 if pod == 0 else 0) for pod in range(4))
    known, unknown = Bench(), Bench()
    known.learn(make_arm(1000, 5), pods=pods)
    unknown.learn(make_arm(1000, 5))

    findings = [each.look(20, make_arm(200, 10), make_arm(800, 0)) for each in (known, unknown)]

    assert known.case.baseline.error_dispersion.design_effect == pytest.approx(5, rel=0.1)
    assert [finding.verdict for finding in findings] == [Verdict.INCONCLUSIVE, Verdict.FAILED]


def test_pods_teach_how_clustered_slow_requests_are() -> None:
    slow = (1.0, 0.9, 0.5, 0.1, 0.0)
    pods = (make_arm(250, 0, slow), *(make_arm(250) for _ in range(3)))
    seen = Bench()
    seen.learn(make_arm(1000), pods=pods)

    assert seen.case.baseline.slow_dispersion.design_effect > 5


def test_without_latency_errors_alone_decide() -> None:
    seen = Bench(STRICT)
    seen.learn(make_arm(1000, 1, None))

    finding = seen.look(20, make_arm(2000, 2, None), make_arm(8000, 8, None))

    assert (finding.verdict, finding.scores.latency) == (Verdict.PASSED, 1)


def test_without_history_the_latency_streams_are_chosen_by_the_primarys_first_window() -> None:
    seen = Bench()
    seen.look(20, make_arm(200), make_arm(800))
    first = seen.case.streams
    seen.look(20, make_arm(200), make_arm(800))

    assert (first, seen.case.streams) == ((), (100, 250, 500, 1000))


def test_a_low_rung_with_too_little_traffic_is_left_at_once() -> None:
    assert Bench().look(1, make_arm(1), make_arm(99)).verdict is Verdict.PASSED


def test_at_weight_0_the_judge_only_learns() -> None:
    seen = Bench()

    finding = seen.look(0, NOTHING, make_arm(1000, 1))

    assert (finding.verdict, finding.obstacle) == (
        Verdict.INCONCLUSIVE,
        "the canary has no share of the traffic yet",
    )
    assert seen.case.baseline.answers.requests == 1000


def test_a_new_revision_keeps_only_what_was_learned_of_the_primary(bench: Bench) -> None:
    bench.look(20, make_arm(200, 50), make_arm(800, 1))

    again = bench.case.reopened()

    assert again.errors.evidence() == again.guard.evidence() == 1
    assert again.baseline == bench.case.baseline


def test_at_100_percent_the_guard_still_rolls_back(bench: Bench) -> None:
    finding = bench.dwell(100, make_arm(100, 30), NOTHING, ticks=1)

    assert (finding.sight, finding.verdict, finding.scores.leading) == (Sight.ALONE, Verdict.FAILED, Signal.GUARD)


def test_at_100_percent_the_comparison_is_frozen(bench: Bench) -> None:
    before = bench.look(80, make_arm(800, 4), make_arm(200, 0)).scores.errors
    bench.case = replace(bench.case, weight=100)

    assert bench.look(100, make_arm(1000, 9), ArmCounts()).scores.errors == before


def test_at_100_percent_health_is_measured_against_the_history(bench: Bench) -> None:
    bench.terms = replace(TERMS, weights=(50, 100), bake_s=0)

    assert bench.look(100, make_arm(2000, 2), NOTHING).verdict is Verdict.PASSED
