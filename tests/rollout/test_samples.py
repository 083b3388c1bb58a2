"""What was observed: differences of counters, resets, and quantiles of a histogram."""

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rollout.samples import ArmCounts, Gap, Measurement, TrafficCounts
from workflows.rollout.traffic import Arm

BOUNDS = (1.0, 5.0, 25.0, 100.0, 500.0, math.inf)
CLASSES = ("2xx", "4xx", "5xx")

buckets = st.lists(st.integers(0, 1000), min_size=len(BOUNDS), max_size=len(BOUNDS))
responses = st.fixed_dictionaries(dict.fromkeys(CLASSES, st.integers(0, 1000)))


def counts(answered: dict[str, int], spread: list[int]) -> ArmCounts:
    return ArmCounts(answered, tuple(zip(BOUNDS, accumulate(spread), strict=True)))


arms = st.builds(counts, responses, buckets)


def plus(first: ArmCounts, second: ArmCounts) -> ArmCounts:
    answered = {name: first.responses[name] + second.responses[name] for name in CLASSES}
    latency = ((bound, count + more) for (bound, count), (_, more) in zip(first.latency, second.latency, strict=True))
    return ArmCounts(answered, tuple(latency))


@given(arms, arms)
def test_a_window_holds_what_was_added(earlier: ArmCounts, added: ArmCounts) -> None:
    assert plus(earlier, added).since(earlier) == added


@given(arms, arms)
def test_a_counter_that_went_back_starts_afresh(earlier: ArmCounts, later: ArmCounts) -> None:
    window = later.since(earlier)

    if any(later.responses[name] < earlier.responses[name] for name in CLASSES):
        assert window == later
    assert all(count >= 0 for count in (*window.responses.values(), *(count for _, count in window.latency)))


def test_a_counter_that_lost_a_class_of_answers_starts_afresh() -> None:
    later = ArmCounts({"2xx": 9})

    assert later.since(ArmCounts({"2xx": 1, "5xx": 1})) == later


def test_a_class_that_appears_is_counted_whole() -> None:
    assert ArmCounts({"2xx": 3, "5xx": 2}).since(ArmCounts({"2xx": 1})) == ArmCounts({"2xx": 2, "5xx": 2})


@given(arms, arms, arms, arms)
def test_both_arms_are_counted_apart(primary: ArmCounts, canary: ArmCounts, more: ArmCounts, other: ArmCounts) -> None:
    earlier = TrafficCounts(primary, canary)

    window = TrafficCounts(plus(primary, more), plus(canary, other)).since(earlier)

    assert (window.of(Arm.PRIMARY), window.of(Arm.CANARY)) == (more, other)


def test_only_server_errors_spoil_the_success_rate() -> None:
    assert ArmCounts({"2xx": 90, "4xx": 5, "5xx": 5}).success_percent() == 95.0


def test_no_request_has_no_success_rate() -> None:
    assert ArmCounts({"2xx": 0}).success_percent() is None


def histogram_quantile(share: float, latency: tuple[tuple[float, int], ...]) -> float:
    """Prometheus' algorithm (promql/quantile.go, bucketQuantile), but infinite in the last bucket."""
    rank = share * latency[-1][1]
    index = next(index for index, (_, count) in enumerate(latency) if count >= rank)
    bound, count = latency[index]
    if math.isinf(bound):
        return math.inf
    start, before = latency[index - 1] if index else (0.0, 0)
    return start + (bound - start) * (rank - before) / (count - before)


@given(buckets.filter(any), st.floats(0.01, 1))
def test_a_quantile_is_that_of_histogram_quantile(spread: list[int], share: float) -> None:
    arm = counts({}, spread)

    assert arm.quantile_ms(share) == pytest.approx(histogram_quantile(share, arm.latency))


@given(buckets.filter(any), st.floats(0, 1), st.floats(0, 1))
def test_a_quantile_never_falls_with_its_share(spread: list[int], one: float, other: float) -> None:
    low, high = (counts({}, spread).quantile_ms(share) for share in sorted((one, other)))

    assert low is not None
    assert high is not None
    assert low <= high


@given(st.lists(st.integers(0, 9), min_size=len(BOUNDS), max_size=len(BOUNDS)), st.floats(0, 1))
def test_a_torn_histogram_still_has_a_quantile(torn: list[int], share: float) -> None:
    quantile = ArmCounts({}, tuple(zip(BOUNDS, torn, strict=True))).quantile_ms(share)

    assert (quantile is None) is (torn[-1] == 0)


def test_a_request_slower_than_every_bound_is_infinitely_slow() -> None:
    assert ArmCounts({}, ((10.0, 5), (math.inf, 100))).quantile_ms(0.99) == math.inf


@pytest.mark.parametrize("arm", [ArmCounts(), ArmCounts({}, ((math.inf, 0),))])
def test_no_request_has_no_quantile(arm: ArmCounts) -> None:
    assert arm.quantile_ms(0.5) is None


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="is not within 0 to 1"):
        ArmCounts().quantile_ms(share)


@pytest.mark.parametrize(("value", "gap"), [(None, None), (1.0, Gap.NO_DATA), (math.nan, None)])
def test_a_measurement_is_a_number_or_a_gap(value: float | None, gap: Gap | None) -> None:
    with pytest.raises(ValueError, match=r"a value or a gap|NaN is a gap"):
        Measurement(value, gap)
