"""The climb by evidence: rungs, steps, what keeps the weight and for how long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.rollout.judged import EVIDENCE, judged, reasons, unchecked
from tests.rollout_story import analysis, asking, no, plan
from webhooks.protocol import HookType
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Check, Judge, Limits
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause, Verdict
from workflows.rollout.traffic import Arm


@pytest.mark.parametrize("judge", EVIDENCE)
def test_a_good_version_climbs_from_one_percent_and_is_promoted(judge: Judge) -> None:
    story = judged(judge=judge)

    state = story.run()

    assert state.cause is Cause.PROMOTED
    assert story.weights == [0, 1, 5, 20, 40, 60, 80, 100, 0]


def test_a_promotion_waits_until_enough_was_seen() -> None:
    story = judged(unchecked(weights=(50,)))

    story.run()

    assert any("s of analysis before promotion have been seen" in reason for reason in reasons(story))


def test_the_weight_is_kept_until_the_canary_has_shown_that_it_is_well() -> None:
    story = judged().at_weight(5)

    tick = story.tick()

    assert (tick.decision.verdict, tick.decision.actions, story.state.failed_checks) == (Verdict.INCONCLUSIVE, (), 0)
    assert story.messages[-1].startswith("Evidence holds ad.weather canary weight 5: 5xx: canary 0 of 60 ")
    assert story.state.halt == tick.decision.reason


def test_a_step_says_what_it_was_taken_for() -> None:
    story = judged().at_weight(1)

    tick = story.tick()

    assert "weight 1 passed" in tick.decision.reason
    assert story.messages[-2:] == [
        f"Evidence admits ad.weather canary weight 1: {tick.decision.reason}",
        "Advance ad.weather canary weight 5",
    ]


def test_a_failed_check_of_the_file_holds_the_weight_and_counts() -> None:
    story = judged(plan(analysis(checks=(Check("latency", Limits(maximum=1), query="q"),))))
    story.metrics.answer("latency", [Measurement(0.5)])
    story.at_weight(20)
    story.metrics.answer("latency", [Measurement(5.0)] * 3)

    tick = story.tick()

    assert (tick.decision.verdict, story.state.weight, story.state.failed_checks) == (Verdict.FAILED, 20, 1)
    assert story.state.case is not None


def test_a_check_that_fails_below_the_plans_first_weight_holds_and_is_not_counted() -> None:
    story = judged().at_weight(1)
    story.traffic.errors_percent[Arm.CANARY] = 10

    tick = story.tick()

    assert (tick.decision.verdict, story.state.weight, story.state.failed_checks) == (Verdict.INCONCLUSIVE, 1, 0)
    assert "success rate 90.00% < 95% (1 of 10 failed)" in story.messages[-1]
    assert "not counted at 1 %" in story.messages[-1]


def test_one_failed_request_of_a_few_does_not_end_a_release() -> None:
    story = judged(plan(analysis(threshold=1))).at_weight(1)
    story.traffic.errors_percent[Arm.CANARY] = 10
    story.tick()
    story.traffic.errors_percent[Arm.CANARY] = 0

    assert story.run().cause is Cause.PROMOTED


def test_a_check_that_fails_at_a_low_rung_for_ever_is_counted_in_the_end() -> None:
    story = judged(plan(analysis(checks=(Check("latency", Limits(maximum=1), query="q"),))))
    story.metrics.answer("latency", [Measurement(5.0)])

    state = story.run()

    assert (state.cause, state.failed_checks, max(story.weights)) == (Cause.CHECKS, 3, 1)
    assert state.case is not None
    assert 360 <= state.case.rung_s <= 390


def test_a_failed_hook_asks_for_no_evidence() -> None:
    story = judged(asking(HookType.ROLLOUT), script={HookType.ROLLOUT: [no()]}).at_weight(1)

    tick = story.tick()

    assert [type(each.question).__name__ for each in tick.evidence.exchanges] == ["CallHooks"]
    assert story.state.failed_checks == 1


def test_an_incident_that_both_arms_share_holds_and_does_not_roll_back() -> None:
    story = judged().at_weight(20)
    story.traffic.errors_percent = dict.fromkeys(Arm, 4)

    story.tick(10)

    assert (story.state.phase, story.state.weight, story.state.failed_checks) == (Phase.PROGRESSING, 20, 0)
    assert {each.decision.verdict for each in story.records[-10:]} == {Verdict.INCONCLUSIVE}


def test_a_release_goes_on_when_the_shared_incident_is_over() -> None:
    story = judged().at_weight(20)
    story.traffic.errors_percent = dict.fromkeys(Arm, 4)
    story.tick(3)
    story.traffic.errors_percent = dict.fromkeys(Arm, 0)

    assert story.run().cause is Cause.PROMOTED


def test_where_traffic_is_thin_the_low_rungs_are_left_although_their_checks_are_blind() -> None:
    story = judged()
    story.traffic.per_second = 5

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.PROMOTED, 0)
    assert story.weights[:3] == [0, 1, 20]


def test_a_wait_for_approval_does_not_use_up_the_judges_patience() -> None:
    waits = {HookType.CONFIRM_PROMOTION: [no()]}
    of = replace(asking(HookType.CONFIRM_PROMOTION, of=analysis(checks=())), approval_deadline=timedelta(days=1))
    story = judged(of, script=waits)
    story.until(Phase.WAITING_PROMOTION)
    story.tick(50)
    story.traffic.silent = True

    story.tick(5)

    assert story.state.phase is Phase.WAITING_PROMOTION
