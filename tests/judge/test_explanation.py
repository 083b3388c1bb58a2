"""The sentence, its intervals, and what more traffic would show."""

import math
from dataclasses import replace

import pytest

from tests.judge.windows import NOTHING, STRICT, TERMS, Bench, make_arm
from workflows.rollout.case import Case
from workflows.rollout.explanation import explain, interval
from workflows.rollout.sizing import Missing, requests_missing, smallest_effect
from workflows.rollout.tally import Tally


@pytest.fixture
def bench() -> Bench:
    seen = Bench()
    seen.learn(make_arm(1000, 1))
    return seen


@pytest.mark.parametrize(
    ("tally", "low", "high"),
    [(Tally(50, 25), 0.3664, 0.6336), (Tally(950, 1), 0.0002, 0.0059), (Tally(10, 0), 0.0, 0.2775), (Tally(), 0, 1)],
)
def test_the_interval_is_wilsons(tally: Tally, low: float, high: float) -> None:
    assert interval(tally) == pytest.approx((low, high), abs=1e-4)


def test_clusters_widen_the_interval() -> None:
    assert interval(Tally(500, 50), 5) == pytest.approx(interval(Tally(100, 10)))


def test_a_rollback_names_the_signal_both_arms_and_the_evidence(bench: Bench) -> None:
    finding = bench.look(5, make_arm(50, 25), make_arm(950, 1))

    assert explain(TERMS, finding) == (
        "5xx: canary 25 of 50 (50.00%, Wilson 95% 36.64 to 63.36%), "
        "primary 1 of 950 (0.11%, Wilson 95% 0.02 to 0.59%); evidence above 1e+06, 20 rolls back; "
        "a pass needs it below 3"
    )


def test_a_slow_canary_is_explained_by_the_bound_that_leads(bench: Bench) -> None:
    finding = bench.dwell(20, make_arm(200, 0, (0.9, 0.51, 0.08, 0.025, 0.02)), make_arm(800), ticks=5)

    assert explain(TERMS, finding).startswith("slower than 1000 ms: canary 20 of 1000 (2.00%")


def test_the_guard_says_that_its_limit_is_absolute(bench: Bench) -> None:
    finding = bench.look(100, make_arm(100, 30), NOTHING)

    assert explain(TERMS, finding).startswith("5xx against the absolute limit: canary 30 of 100 (30.00%")
    assert "primary no requests" in explain(TERMS, finding)


def test_a_pass_says_what_it_rests_on_and_what_would_have_shown(bench: Bench) -> None:
    finding = bench.look(20, make_arm(2000, 2), make_arm(8000, 8))

    assert explain(TERMS, finding).endswith(
        "below 3: weight 20 passed; an error share of 0.56% would have shown by now"
    )


def test_a_hold_says_how_many_requests_would_help_and_what_would_have_shown(bench: Bench) -> None:
    sentence = explain(TERMS, bench.look(20, make_arm(200), make_arm(800, 1)))

    assert sentence.split("; ")[2:] == [
        "health is 1.0 (errors) and 3.3 (latency) of 3, 50 s of the dwell are left",
        "about 625 more good canary requests would show it well",
        "an error share of 2.6% would have shown by now",
    ]


def test_a_hold_that_waiting_will_not_end_says_so() -> None:
    seen = Bench(STRICT)

    assert "neither arm has data, and waiting alone will not help" in explain(
        STRICT, seen.dwell(20, NOTHING, NOTHING, 60)
    )


def test_a_canary_that_is_well_needs_no_more_requests(bench: Bench) -> None:
    finding = bench.look(80, make_arm(8000, 8), make_arm(2000, 2))

    assert requests_missing(TERMS, finding.case) == Missing(0, 0)
    assert "no more requests are needed for its health" in explain(TERMS, finding)


def test_the_requests_missing_are_those_that_license_the_step(bench: Bench) -> None:
    case = bench.look(20, make_arm(200, 0, None), make_arm(800, 0, None)).case
    missing = requests_missing(TERMS, case).canary or 0

    shown = bench.look(20, make_arm(missing, round(missing * 0.001), None), make_arm(4 * missing, 0, None))

    assert shown.case.health_errors == pytest.approx(3, abs=0.7)


def test_a_primary_that_is_hardly_known_lacks_requests_too() -> None:
    seen = Bench()

    finding = seen.look(20, make_arm(20, 0, None), make_arm(80, 0, None))

    assert requests_missing(TERMS, seen.case) == Missing(1928, 1868)
    assert "about 1928 more good canary and 1868 primary requests would show it well" in explain(TERMS, finding)


def test_a_primary_that_is_hardly_known_licenses_nothing() -> None:
    seen = Bench()

    assert seen.look(20, make_arm(20), make_arm(80)).case.health_errors == 0


def test_no_number_of_requests_helps_where_the_primary_fails_nearly_everything() -> None:
    seen = Bench()
    seen.learn(make_arm(1000, 900))

    finding = seen.look(20, make_arm(200, 180), make_arm(800, 720))

    assert requests_missing(TERMS, finding.case) == Missing(None, None)
    assert "no number of requests would show it well" in explain(TERMS, finding)


def test_more_requests_show_smaller_effects(bench: Bench) -> None:
    few = smallest_effect(TERMS, bench.look(20, make_arm(200), make_arm(800, 1)).case)
    many = smallest_effect(TERMS, bench.look(20, make_arm(20_000), make_arm(80_000, 80)).case)

    assert few is not None
    assert many is not None
    assert 0.001 < many < 0.003 < few < 0.05


def test_the_smallest_effect_would_have_been_found(bench: Bench) -> None:
    effect = smallest_effect(TERMS, bench.look(20, make_arm(1000, 1), make_arm(4000, 4)).case) or 0
    other = Bench()
    other.learn(make_arm(1000, 1))

    found = other.look(20, make_arm(1000, math.ceil(1000 * effect) + 1), make_arm(4000, 4))

    assert found.scores.total >= TERMS.limit


def test_without_requests_no_effect_could_have_shown() -> None:
    assert smallest_effect(TERMS, Case()) is None


def test_effects_below_what_matters_are_never_found() -> None:
    seen = Bench(replace(TERMS, least_excess=0.9))
    seen.learn(make_arm(1000, 200))
    seen.look(20, make_arm(20_000, 4000), make_arm(80_000, 16_000))

    assert smallest_effect(seen.terms, seen.case) is None
