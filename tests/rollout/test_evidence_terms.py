"""The terms of the judge, its premise, and what it asks for."""

from dataclasses import replace

import pytest

from tests.rollout.judged import FELL_BACK, judged, unchecked
from tests.rollout_story import ab_test, analysis, blue_green, plan
from workflows.rollout import trial
from workflows.rollout.decision import CountTraffic, Tick
from workflows.rollout.plan import Check, Judge, Limits, Load, RolloutPlan
from workflows.rollout.state import Cause, HookRound
from workflows.rollout.terms import Mode
from workflows.rollout.tick import deliberate


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (ab_test(), "an A/B match sends other users"),
        (blue_green(), "blue/green gives the canary no user traffic"),
        (plan(analysis(mirror_percent=100)), "mirrored requests reach both arms"),
        (plan(load=Load.ONE_ARM), "sends load to one arm only, where it is counted"),
    ],
    ids=["a/b", "blue/green", "mirroring", "load"],
)
def test_without_its_premise_thresholds_judge_and_it_is_said_once(of: RolloutPlan, why: str) -> None:
    story = judged(of)

    state = story.run()

    assert (state.cause, state.case) == (Cause.PROMOTED, None)
    assert [why in message for message in story.messages if message.startswith(FELL_BACK)] == [True]


def test_the_terms_are_those_of_the_file() -> None:
    terms = trial.write_terms(plan(judge=Judge.EVIDENCE_STRICT))

    assert terms is not None
    assert (terms.mode, terms.weights, terms.interval_s) == (Mode.STRICT, (20, 40, 60, 80, 100), 10)
    assert (round(terms.allowed_errors, 6), terms.slow_limit_ms) == (0.05, 500)


def test_a_file_without_limits_allows_no_errors_and_knows_no_slow_requests() -> None:
    bare = trial.write_terms(replace(unchecked(), judge=Judge.EVIDENCE))
    loose = plan(analysis(checks=(Check("request-success-rate", Limits(maximum=100)),)), judge=Judge.EVIDENCE)

    assert bare is not None
    assert (bare.allowed_errors, bare.slow_limit_ms) == (0.0, None)
    assert trial.write_terms(loose) == bare


def test_an_answer_that_is_no_count_is_a_bug() -> None:
    story = judged(unchecked()).at_weight(1)
    world = replace(story.records[-1].world, route=story.state.route)
    deliberation = deliberate(Tick(story.release.plan, story.state, world))

    assert next(deliberation) == CountTraffic()
    with pytest.raises(TypeError, match="counts were asked, HookRound was answered"):
        deliberation.send(HookRound(passed=True))
