"""Evidence that ends a release: why, when, and what is said of it."""

import pytest

from tests.rollout.judged import EVIDENCE, failing, judged, unchecked
from tests.rollout_story import analysis, plan
from workflows import loop
from workflows.errors import ExitCode
from workflows.rollout.plan import Check, Judge, Limits, NoDataPolicy, RolloutPlan
from workflows.rollout.samples import Measurement
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm


def test_a_canary_that_fails_a_quarter_is_rolled_back_at_the_first_rungs() -> None:
    story = failing(25)

    state = story.run()

    assert (state.cause, max(story.weights), story.weights[-1]) == (Cause.EVIDENCE, 1, 0)
    assert state.reason.startswith("5xx: canary 2 of 10 ")
    assert loop.exit_code(state) is ExitCode.ROLLED_BACK


def test_evidence_does_not_wait_for_the_threshold_of_failed_checks() -> None:
    state = failing(25, unchecked(threshold=1000)).run()

    assert (state.cause, state.failed_checks) == (Cause.EVIDENCE, 0)


def test_what_ended_the_release_is_said_to_people() -> None:
    story = failing(25)

    story.run()

    said = "Rolling back ad.weather evidence of harm: 5xx: canary "
    assert any(message.startswith(said) and "20 rolls back" in message for _, message in story.alerts)


def test_a_version_as_slow_as_a_failing_one_is_bad_is_found_by_its_latency() -> None:
    story = judged(unchecked()).at_weight(20)
    story.traffic.latency_ms[Arm.CANARY] = 2000.0

    state = story.run()

    assert state.cause is Cause.EVIDENCE
    assert state.reason.startswith("slower than ")


def test_the_threshold_of_failed_checks_stops_hard_also_beside_evidence() -> None:
    story = judged(plan(analysis(checks=(Check("latency", Limits(maximum=1), query="q"),))))
    story.metrics.answer("latency", [Measurement(5.0)] * 3)

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.CHECKS, 3)
    assert state.reason.startswith("3 of 3 checks failed")


@pytest.mark.parametrize("judge", EVIDENCE)
@pytest.mark.parametrize("of", [plan(), unchecked(), plan(no_data=NoDataPolicy.HOLD)], ids=["fail", "none", "hold"])
def test_a_release_without_traffic_ends_inconclusive(of: RolloutPlan, judge: Judge) -> None:
    story = judged(of, judge)
    story.traffic.silent = True

    state = story.run()

    assert loop.exit_code(state) is ExitCode.INCONCLUSIVE
    assert story.weights[-1] == 0


def test_strict_does_not_promote_what_it_has_hardly_seen() -> None:
    story = judged(unchecked(weights=(50,)), Judge.EVIDENCE_STRICT)
    story.traffic.per_second = 1

    state = story.run()

    assert loop.exit_code(state) is ExitCode.INCONCLUSIVE
    assert "waiting alone will not help" in state.reason
    assert state.case is not None
    assert 600 <= state.case.rung_s <= 620
