"""The comparison with the concurrent primary: the e-process, its guarantee, its restarts, its tempering."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rollout.comparison import ERRORS, LATENCY, MAX_RESTARTS, Grid, Ledger, score
from workflows.rollout.tally import Split, Tally

WIDTH = len(ERRORS.ratios)


def split(canary: tuple[float, float], primary: tuple[float, float]) -> Split:
    return Split(Tally(*canary), Tally(*primary))


def weigh(*windows: Split, design_effect: float = 1.0) -> float:
    ledger = Ledger().sized(WIDTH)
    for window in windows:
        ledger = ledger.plus(score(ERRORS, (window,)))
    return ledger.evidence(design_effect)


def test_a_score_is_the_likelihood_ratio_of_the_fact_sheet() -> None:
    (value,) = score(Grid(1.1, (5.0,)), (split((100, 4), (300, 2)),))

    w = 0.25
    assert value == pytest.approx(4 * math.log(5 / 1.1) + 6 * math.log((w * 1.1 + 1 - w) / (w * 5 + 1 - w)))


@pytest.mark.parametrize(
    "window",
    [split((0, 0), (0, 0)), split((0, 0), (500, 9)), split((500, 9), (0, 0)), split((50, 0), (500, 0))],
    ids=["both silent", "canary silent", "primary silent", "no events"],
)
def test_a_window_with_nothing_to_compare_is_no_evidence(window: Split) -> None:
    assert weigh(window) == 1


def test_two_errors_on_the_canary_alone_weigh_more_at_a_smaller_weight() -> None:
    low, high = (weigh(split((1000 * w, 2), (1000 * (1 - w), 0))) for w in (0.05, 0.5))

    assert low > 10 > high


@pytest.mark.parametrize("grid", [ERRORS, LATENCY], ids=["errors", "latency"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("events", [1, 7, 40])
def test_the_mean_of_a_tick_is_at_most_1_at_the_tolerated_ratio(grid: Grid, share: float, events: int) -> None:
    ours = share * grid.tolerated / (share * grid.tolerated + 1 - share)
    means = [0.0] * len(grid.ratios)
    for count in range(events + 1):
        chance = math.comb(events, count) * ours**count * (1 - ours) ** (events - count)
        scores = score(grid, (split((1e4 * share, count), (1e4 * (1 - share), events - count)),))
        means = [mean + chance * math.exp(value) for mean, value in zip(means, scores, strict=True)]

    assert max(means) <= 1 + 1e-9


@given(st.integers(0, 50), st.integers(0, 50), st.integers(100, 5000), st.integers(100, 5000))
def test_one_more_canary_error_never_weakens_the_evidence(ours: int, theirs: int, canary: int, primary: int) -> None:
    fewer = weigh(split((canary, ours), (primary, theirs)))
    more = weigh(split((canary, ours + 1), (primary, theirs)))

    assert more >= fewer


@given(st.integers(0, 50), st.integers(0, 50), st.integers(100, 5000), st.integers(100, 5000))
def test_one_more_primary_error_never_strengthens_the_evidence(
    ours: int, theirs: int, canary: int, primary: int
) -> None:
    fewer = weigh(split((canary, ours), (primary, theirs)))
    more = weigh(split((canary, ours), (primary, theirs + 1)))

    assert more <= fewer


def test_restarts_are_a_weighted_mean_of_processes_begun_later() -> None:
    early, late = split((500, 0), (500, 20)), split((500, 12), (500, 2))
    ledger = Ledger().sized(WIDTH).plus(score(ERRORS, (early,))).restarted().plus(score(ERRORS, (late,)))

    whole, fresh = (_mean(*windows) for windows in ((early, late), (late,)))
    weight = 1 / (2 * MAX_RESTARTS)
    assert ledger.evidence() == pytest.approx(whole / 2 + weight * fresh + weight * (MAX_RESTARTS - 1))


def _mean(*windows: Split) -> float:
    sums = [sum(values) for values in zip(*(score(ERRORS, (window,)) for window in windows), strict=True)]
    return sum(math.exp(value) for value in sums) / len(sums)


def test_a_late_fault_is_found_sooner_after_a_restart() -> None:
    good, bad = split((500, 0), (500, 30)), split((500, 12), (500, 2))
    begun = Ledger().sized(WIDTH).plus(score(ERRORS, (good,)))

    assert begun.restarted().plus(score(ERRORS, (bad,))).evidence() > begun.plus(score(ERRORS, (bad,))).evidence()


def test_restarts_beyond_the_declared_ones_change_nothing() -> None:
    ledger = Ledger().sized(WIDTH)
    for _ in range(MAX_RESTARTS):
        ledger = ledger.restarted()

    assert ledger.restarted() == ledger


@given(st.floats(1, 100), st.integers(0, 60), st.integers(0, 60))
def test_tempering_never_raises_the_evidence(effect: float, ours: int, theirs: int) -> None:
    window = split((200, ours), (800, theirs))

    assert weigh(window, design_effect=effect) <= weigh(window)


@pytest.mark.parametrize("base", [0.003, 0.05, 0.3])
def test_a_canary_that_is_no_worse_hardly_ever_reaches_100_in_1000_looks(base: float) -> None:
    crossed = sum(_ever_reaches(100, base, seed) for seed in range(50))

    assert crossed == 0


def _ever_reaches(limit: float, base: float, seed: int) -> bool:
    """Let the split swing between 5 and 95 % and the base rate by a factor of 2.2 both ways."""
    random, ledger = Random(seed), Ledger().sized(WIDTH)
    for look in range(1000):
        weight = 0.5 + 0.45 * math.sin(look / 7)
        share = base * 2.2 ** math.sin(look / 31 + seed)
        canary = sum(random.random() < share for _ in range(int(20 * weight)))
        primary = sum(random.random() < share for _ in range(int(20 * (1 - weight))))
        window = split((int(20 * weight), canary), (int(20 * (1 - weight)), primary))
        ledger = ledger.plus(score(ERRORS, (window,)))
        if ledger.evidence() >= limit:
            return True
    return False
