"""Bad luck in the middle of a release by evidence: what the whole loop makes of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.rollout.judged import judged, unchecked
from tests.rollout_story import Story
from workflows import loop
from workflows.errors import ExitCode, UnavailableError
from workflows.metrics.memory import MemoryCounter
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm

PODS = ("a", "b", "c", "d")


class Meters:
    """Count 100 good requests a second by pods, and have the bad luck that a test sets."""

    def __init__(self, story: Story) -> None:
        self._clock, self._route = story.clock, story.router.read
        self.seen = story.clock.now()
        self.counter = MemoryCounter()
        self.pods = {arm: set(PODS) for arm in Arm}
        self.errors_percent = dict.fromkeys(Arm, 0)
        self.away = self.frozen = False

    def read(self) -> TrafficCounts:
        if self.away:
            raise UnavailableError("prometheus:9090 does not answer")
        now = self._clock.now()
        flowed = 0 if self.frozen else int((now - self.seen).total_seconds() * 100)
        self.seen = now
        canary = flowed * self._route().canary_percent // 100
        for arm, requests in ((Arm.CANARY, canary), (Arm.PRIMARY, flowed - canary)):
            self._flow(arm, requests)
        return self.counter.read()

    def _flow(self, arm: Arm, requests: int) -> None:
        failed = requests * self.errors_percent[arm] // 100
        for place, pod in enumerate(sorted(self.pods[arm])):
            share = len(self.pods[arm])
            self.counter.record(arm, "5xx", requests=(failed + place) // share, pod=pod)
            self.counter.record(arm, "2xx", requests=(requests - failed + place) // share, pod=pod)


def unlucky(weight: int = 20) -> tuple[Story, Meters]:
    story = judged(unchecked(weights=(20, 50, 100)))
    meters = Meters(story)
    story.release = replace(story.release, platform=replace(story.release.platform, counter=meters))
    return story.at_weight(weight), meters


def restart_all(meters: Meters) -> None:
    meters.counter.reset()


def restart_one(meters: Meters) -> None:
    meters.counter.lose(Arm.PRIMARY, "a")


def replace_pods(meters: Meters) -> None:
    for pod in PODS:
        meters.counter.lose(Arm.CANARY, pod)
    meters.pods[Arm.CANARY] = {f"{pod}2" for pod in PODS}


def scale_down(meters: Meters) -> None:
    meters.pods[Arm.PRIMARY] = {"a"}
    for pod in PODS[1:]:
        meters.counter.lose(Arm.PRIMARY, pod)


@pytest.mark.parametrize("luck", [restart_all, restart_one, replace_pods, scale_down], ids=lambda luck: luck.__name__)
def test_counters_that_begin_anew_end_no_good_release(luck: Callable[[Meters], None]) -> None:
    story, meters = unlucky()
    luck(meters)

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.PROMOTED, 0)


@pytest.mark.parametrize("pods", [PODS[:1], PODS[:3], PODS], ids=["one", "most", "all"])
def test_a_scrape_that_missed_pods_counts_nothing_twice(pods: tuple[str, ...]) -> None:
    story, meters = unlucky()
    meters.counter.read()
    missed = {pod: meters.counter.lose(Arm.PRIMARY, pod) for pod in pods}
    meters.pods[Arm.PRIMARY] -= set(pods)
    story.tick()

    for pod, counts in missed.items():
        meters.counter.find(Arm.PRIMARY, pod, counts)
    meters.pods[Arm.PRIMARY] = set(PODS)
    window = story.tick().window.primary

    assert window.total <= 810
    assert story.run().cause is Cause.PROMOTED


def test_a_counter_that_cannot_be_read_holds_and_the_release_goes_on() -> None:
    story, meters = unlucky()
    meters.away = True
    story.tick(3)
    weight = story.state.weight
    meters.away = False

    state = story.run()

    assert (weight, state.cause) == (20, Cause.PROMOTED)


@pytest.mark.parametrize("luck", ["away", "frozen"])
def test_a_source_that_stays_away_or_frozen_ends_inconclusive(luck: str) -> None:
    story, meters = unlucky()
    setattr(meters, luck, True)

    state = story.run()

    assert (loop.exit_code(state), max(story.weights)) == (ExitCode.INCONCLUSIVE, 20)


@pytest.mark.parametrize(("silent", "cause"), [(Arm.CANARY, Cause.NO_DATA), (Arm.PRIMARY, Cause.NO_DATA)])
def test_one_arm_without_data_never_lets_the_canary_pass(silent: Arm, cause: Cause) -> None:
    story, meters = unlucky()
    meters.pods[silent] = set()

    state = story.run()

    assert (state.cause, max(story.weights)) == (cause, 20)


def test_a_shared_incident_holds_and_is_waited_for() -> None:
    story, meters = unlucky()
    meters.errors_percent = dict.fromkeys(Arm, 8)
    story.tick(12)
    held = story.state.weight
    meters.errors_percent = dict.fromkeys(Arm, 0)

    assert (held, story.run().cause) == (20, Cause.PROMOTED)


def test_a_canary_at_all_the_traffic_is_judged_by_itself() -> None:
    story, meters = unlucky(weight=100)
    meters.errors_percent[Arm.CANARY] = 30

    state = story.run()

    assert state.cause is Cause.EVIDENCE
    assert state.reason.startswith("5xx against the absolute limit")


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(hours=-1)], ids=["ahead", "back"])
def test_a_clock_that_jumps_neither_promotes_nor_ends(jump: timedelta) -> None:
    story, meters = unlucky()
    before = story.state
    if jump > timedelta():
        story.clock.sleep(jump)
        # The clock jumps, no day of requests has passed.
        meters.seen += jump
    else:
        story.states.save(at(before, -jump), story.release.acquire())

    story.tick()

    after = story.state
    assert (after.weight, after.cause) == (20, None)
    assert after.case
    assert before.case
    assert after.case.baked_s - before.case.baked_s <= 20


def at(state: RolloutState, later: timedelta) -> RolloutState:
    """The same state, kept by a clock that was ahead."""
    assert state.case
    assert state.case.at_s
    return replace(state, case=replace(state.case, at_s=state.case.at_s + later.total_seconds()))
