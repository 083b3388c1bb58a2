"""Counters by pods: each is compared with itself, so that pods may come, go, restart and be missed."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rollout_story import Story, analysis, plan
from workflows.metrics.memory import MemoryCounter
from workflows.rollout import machine
from workflows.rollout.plan import Judge
from workflows.rollout.samples import MOST_PARTS, ArmCounts, TrafficCounts, add
from workflows.rollout.state import RolloutState
from workflows.rollout.traffic import Arm


def pod(requests: int, errors: int = 0) -> ArmCounts:
    return ArmCounts({"2xx": requests - errors, "5xx": errors}, ((100.0, requests - errors), (math.inf, requests)))


def arm(**pods: int) -> ArmCounts:
    return ArmCounts.of_parts({name: pod(requests) for name, requests in pods.items()})


def many(pods: int, requests: int) -> ArmCounts:
    return ArmCounts.of_parts({f"pod-{place:02d}": pod(requests) for place in range(pods)})


def test_an_arm_is_the_sum_of_its_pods() -> None:
    whole = ArmCounts.of_parts({"a": pod(10, 1), "b": pod(5)})

    assert (whole.responses, whole.latency) == ({"2xx": 14, "5xx": 1}, ((100.0, 14), (math.inf, 15)))
    assert whole.parts["b"] == pod(5)


def test_counters_without_latency_add_no_buckets() -> None:
    assert add([ArmCounts({"2xx": 1}), pod(3)]).latency == pod(3).latency


def test_only_buckets_that_all_have_add_up() -> None:
    other = ArmCounts({"2xx": 2}, ((50.0, 1), (math.inf, 2)))

    assert add([pod(3), other]).latency == ((math.inf, 5),)


@pytest.mark.parametrize(
    ("earlier", "later", "added"),
    [
        ({"a": 10, "b": 10}, {"a": 15, "b": 12}, 7),
        ({"a": 10, "b": 10}, {"a": 15}, 5),
        ({"a": 10}, {"a": 15, "b": 4}, 9),
        ({"a": 10, "b": 10}, {"a": 3, "b": 12}, 5),
        ({"a": 10, "b": 10}, {"c": 6}, 6),
        ({"a": 10}, {}, 0),
        ({}, {"a": 4}, 4),
    ],
    ids=["both grew", "one is gone", "one is new", "one was reset", "all were replaced", "all are gone", "the first"],
)
def test_pods_that_come_and_go_are_no_reset_of_their_arm(
    earlier: dict[str, int], later: dict[str, int], added: int
) -> None:
    window = arm(**later).since(arm(**earlier))

    assert window.total == added
    assert window.latency[-1:] in {(), ((math.inf, added),)}


def test_a_reading_from_before_there_were_pods_is_compared_as_a_whole() -> None:
    assert arm(a=10, b=10).since(pod(15)).total == 5


def test_a_source_that_stops_to_tell_pods_apart_is_compared_as_a_whole() -> None:
    assert pod(25).since(arm(a=10, b=10)).total == 5


def test_a_pod_that_was_missed_once_counts_only_what_is_new() -> None:
    state = RolloutState(counts=TrafficCounts(arm(a=1000, b=1000)))

    missed = machine.open_window(state, TrafficCounts(arm(a=1010)))
    again = TrafficCounts(arm(a=1020, b=1020))

    assert missed.counts
    assert again.since(missed.counts).primary.total == 30


def test_an_arm_whose_pods_were_all_missed_counts_only_what_is_new() -> None:
    missed = ArmCounts().remembering(arm(a=1000))

    assert arm(a=1007).since(missed).total == 7


def test_no_more_pods_are_told_apart_than_the_bound() -> None:
    whole = many(50, 10)

    assert (len(whole.parts), whole.total) == (MOST_PARTS, 500)


def test_pods_beyond_the_bound_are_compared_as_one() -> None:
    assert many(50, 12).since(many(50, 10)).total == 100


def test_pods_beyond_the_bound_count_nothing_in_the_window_in_which_they_change() -> None:
    assert many(51, 12).since(many(50, 10)).total == 2 * (MOST_PARTS - 1)


def test_a_pod_that_may_have_been_beyond_the_bound_counts_nothing_at_first() -> None:
    assert many(20, 12).since(many(21, 10)).total == 2 * (MOST_PARTS - 1)


def test_what_is_remembered_of_lost_pods_is_bounded() -> None:
    known = many(MOST_PARTS, 10)

    assert len(arm(**{f"new-{place}": 1 for place in range(15)}).remembering(known).parts) == MOST_PARTS


def test_what_was_merged_is_not_remembered() -> None:
    assert ArmCounts().remembering(many(30, 1)).parts.keys() == {f"pod-{place:02d}" for place in range(19)}


PODS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000))


@given(PODS, PODS)
def test_a_window_never_holds_more_than_was_read_nor_less_than_nothing(
    earlier: dict[str, int], later: dict[str, int]
) -> None:
    window = arm(**later).since(arm(**earlier))

    assert 0 <= window.total <= sum(later.values())
    assert window.total == sum(part.total for part in window.parts.values())


class Pods:
    """Count 100 requests a second of four pods per arm; one primary pod may have all the errors."""

    def __init__(self, story: Story, *, clustered: bool) -> None:
        self._story, self._clustered = story, clustered
        self._counter = MemoryCounter()
        self._seen = story.clock.now()

    def read(self) -> TrafficCounts:
        now = self._story.clock.now()
        flowed, self._seen = int((now - self._seen).total_seconds() * 100), now
        canary = flowed * self._story.router.read().canary_percent // 100
        for place in range(4):
            bursts = 5 if self._clustered and place == 0 and flowed else 0
            self._counter.record(Arm.PRIMARY, "5xx", requests=bursts, pod=f"ad-primary-{place}")
            self._counter.record(Arm.PRIMARY, "2xx", requests=(flowed - canary) // 4, pod=f"ad-primary-{place}")
            self._counter.record(Arm.CANARY, "2xx", requests=canary // 4, pod=f"ad-{place}")
        return self._counter.read()


@pytest.mark.parametrize("clustered", [True, False])
def test_the_loop_tempers_by_what_the_primarys_pods_show(*, clustered: bool) -> None:
    story = Story(replace(plan(analysis(checks=())), judge=Judge.EVIDENCE))
    platform = replace(story.release.platform, counter=Pods(story, clustered=clustered))
    story.release = replace(story.release, platform=platform)

    case = story.at_weight(20).tick(3).decision.state.case

    assert case is not None
    assert (case.baseline.error_dispersion.design_effect > 2) is clustered
