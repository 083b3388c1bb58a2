"""Draws have the mean and variance of what they are drawn from."""

import statistics
from random import Random

import pytest

from workflows.foresight.sampling import draw_binomial, draw_poisson


@pytest.mark.parametrize(("trials", "share"), [(40, 0.1), (2000, 0.3), (5000, 0.001), (300, 0.9)])
def test_binomial_draws_have_their_mean_and_variance(trials: int, share: float) -> None:
    random = Random(1)
    draws = [draw_binomial(random, trials, share) for _ in range(4000)]

    assert statistics.fmean(draws) == pytest.approx(trials * share, rel=0.05)
    assert statistics.variance(draws) == pytest.approx(trials * share * (1 - share), rel=0.1)


@pytest.mark.parametrize("mean", [0.5, 30.0, 10_000.0])
def test_poisson_draws_have_their_mean_and_variance(mean: float) -> None:
    random = Random(1)
    draws = [draw_poisson(random, mean) for _ in range(4000)]

    assert statistics.fmean(draws) == pytest.approx(mean, rel=0.06)
    assert statistics.variance(draws) == pytest.approx(mean, rel=0.1)


def test_nothing_is_drawn_from_nothing() -> None:
    assert draw_poisson(Random(1), 0) == 0
    assert draw_binomial(Random(1), 10, 0) == 0
