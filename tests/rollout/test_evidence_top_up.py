"""Requests of our own to both arms, where users send too little for the evidence."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.journal.journals import Recording
from tests.rollout.judged import judged, unchecked
from tests.rollout_story import FaultyTraffic, Story, plan
from workflows import stages
from workflows.errors import UnavailableError
from workflows.journal.replay import replay
from workflows.loads.memory import MemoryLoad
from workflows.rollout.decision import Tick, TopUp
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import Cause, HookRound
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Arm

LESS = 2
"""Requests per second of a service that nobody can judge by its users."""


def topped_up(judge: Judge = Judge.EVIDENCE_STRICT, **settings: object) -> tuple[Story, MemoryLoad]:
    story, load = judged(unchecked(weights=(20, 50)), judge), MemoryLoad()
    story.traffic.per_second = LESS
    story.change(**{"top_up": "/ad", **settings})
    story.release = replace(story.release, platform=replace(story.release.platform, load=load))
    return story, load


def test_strict_promotes_a_good_version_that_users_hardly_meet() -> None:
    story, load = topped_up()

    state = story.run()

    assert state.cause is Cause.PROMOTED
    assert {wanted.within_s for wanted in load.sent} == {5.0}
    assert all(0 < wanted.requests <= 250 for wanted in load.sent)


def test_without_the_annotation_nothing_is_sent() -> None:
    story, load = topped_up(top_up="")

    state = story.run()

    assert (state.cause, load.sent) == (Cause.NO_DATA, [])


@pytest.mark.parametrize("judge", [Judge.EVIDENCE, Judge.EVIDENCE_STRICT])
def test_a_fault_that_users_hardly_meet_is_found_by_our_own_requests(judge: Judge) -> None:
    story, load = topped_up(judge)
    load.errors_percent[Arm.CANARY] = 20

    state = story.run()

    assert state.cause is Cause.EVIDENCE
    assert story.traffic.errors_percent[Arm.CANARY] == 0


def test_a_slow_canary_is_found_by_our_own_requests() -> None:
    story, load = topped_up()
    load.latency_ms[Arm.CANARY] = 900.0

    state = story.run()

    assert (state.cause, state.reason[:11]) == (Cause.EVIDENCE, "slower than")


def test_a_fault_of_both_arms_is_not_the_canarys() -> None:
    story, load = topped_up(Judge.EVIDENCE)
    load.errors_percent = dict.fromkeys(Arm, 20)

    assert story.run().cause is not Cause.EVIDENCE


def test_what_was_sent_and_what_it_could_have_shown_is_said() -> None:
    story, _ = topped_up()

    story.run()

    said = "Topped up ad.weather with requests of our own to /ad: canary 0 of 250 failed, primary 0 of 250"
    assert said in story.messages
    assert any("passed; an error share of " in each.decision.reason for each in story.records)


@pytest.mark.parametrize(("percent", "cause"), [(0, Cause.NO_DATA), (20, Cause.EVIDENCE)])
def test_a_service_without_users_is_never_promoted_by_our_own_requests_alone(percent: int, cause: Cause) -> None:
    story, load = topped_up()
    story.traffic.silent = True
    load.errors_percent[Arm.CANARY] = percent

    assert story.run().cause is cause


def test_users_whose_split_cannot_be_right_hold_whatever_our_own_requests_say() -> None:
    story, _ = topped_up()
    story.traffic.per_second = 100
    story.release = replace(story.release, platform=replace(story.release.platform, counter=Half(story.traffic)))

    state = story.run()

    assert state.cause is Cause.NO_DATA
    assert "the split seen is far from the split asked" in state.reason


class Half:
    """Count the canary alone, as when no pod of the primary is scraped."""

    def __init__(self, traffic: FaultyTraffic) -> None:
        self._traffic = traffic

    def read(self) -> TrafficCounts:
        return TrafficCounts(canary=self._traffic.read().canary)


def test_our_own_requests_do_not_pass_for_the_users() -> None:
    story, _ = topped_up()
    story.run()

    case = story.records[-1].before.case
    assert case is not None
    assert case.traffic == LESS * 10
    assert {each.evidence.window.canary.total for each in story.records} <= set(range(LESS * 10 + 1))


def test_a_load_that_cannot_be_made_teaches_nothing_and_is_said() -> None:
    story, _ = topped_up()
    story.release = replace(story.release, platform=replace(story.release.platform, load=Broken()))

    state = story.run()

    assert state.cause is Cause.NO_DATA
    assert "Top-up of ad.weather failed: no engine for 250 requests to /ad" in story.messages


def test_a_platform_without_load_sends_nothing() -> None:
    story, _ = topped_up()
    story.release = replace(story.release, platform=replace(story.release.platform, load=None))

    assert story.run().cause is Cause.NO_DATA


class Broken:
    """Fail to make any load."""

    def send(self, wanted: TopUp, plan: RolloutPlan) -> TrafficCounts:
        raise UnavailableError(f"no engine for {wanted.requests} requests to {plan.top_up}")


def test_a_gate_of_a_pipeline_tops_up_too() -> None:
    story, load = topped_up()
    stages.start(story.release)
    stages.set_weight(story.release, 20)

    state = stages.gate(story.release)

    assert state.weight == 20
    assert load.sent


def test_a_journal_with_a_top_up_is_decided_again_without_a_difference(tmp_path: Path) -> None:
    story, load = topped_up()

    again = replay(Recording(tmp_path / "ad.jsonl", story).run())

    assert load.sent
    assert again.differences == ()


def test_an_answer_that_is_no_count_of_a_top_up_is_a_bug() -> None:
    story, _ = topped_up()
    story.at_weight(20).tick()
    world = replace(story.records[-1].world, route=story.state.route)
    deliberation = deliberate(Tick(story.release.plan, story.state, world))

    assert isinstance(next(deliberation), TopUp)
    with pytest.raises(TypeError, match="a top-up was asked, HookRound was answered"):
        deliberation.send(HookRound(passed=True))


def test_thresholds_ask_for_no_top_up() -> None:
    story, load = judged(plan(top_up="/ad"), Judge.THRESHOLD), MemoryLoad()
    story.release = replace(story.release, platform=replace(story.release.platform, load=load))

    assert (story.run().cause, load.sent) == (Cause.PROMOTED, [])
