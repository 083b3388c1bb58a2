"""A canary whose traffic went home in the midst of a pipeline never gets it back at once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.rollout_story import Story, ab_test, blue_green, plan
from workflows import stages
from workflows.errors import ConfigurationError
from workflows.release import TickRecord
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Cause, Verdict
from workflows.rollout.traffic import Arm, Route

Loss = Callable[[Story], Callable[[TickRecord], None]]


def by_hand(story: Story) -> Callable[[TickRecord], None]:
    """Somebody takes all traffic off the canary."""
    story.router.shift(Route())
    return stages.ignore


def by_a_primary_that_dies(story: Story) -> Callable[[TickRecord], None]:
    """All traffic flees to the canary, and goes back when the primary is there again."""
    story.workload.stall(Arm.PRIMARY)
    return lambda _: story.workload.recover(Arm.PRIMARY)


def by_a_canary_that_dies(story: Story) -> Callable[[TickRecord], None]:
    """All traffic flees to the primary until the canary is there again."""
    story.workload.stall(Arm.CANARY)
    return lambda _: story.workload.recover(Arm.CANARY)


LOSSES = pytest.mark.parametrize("lose", [by_hand, by_a_primary_that_dies, by_a_canary_that_dies])


@LOSSES
def test_a_set_weight_does_not_put_back_what_went_home(lose: Loss) -> None:
    story = Story().at_weight(40)
    watch = lose(story)

    state = stages.set_weight(story.release, 60, watch)

    assert (state.phase, state.weight, story.router.read()) == (Phase.PROGRESSING, 0, Route())
    assert stages.set_weight(story.release, 20).weight == 20


@LOSSES
def test_a_gate_at_a_weight_ends_a_release_that_lost_it(lose: Loss) -> None:
    story = Story().at_weight(40)
    watch = lose(story)

    state = stages.gate(story.release, watch, at=40)

    assert (state.phase, state.cause, story.router.read()) == (Phase.FAILED, Cause.ABORTED, Route())
    assert state.reason == "canary weight is 0 where 40 was to be judged; start again"


@LOSSES
def test_a_gate_without_a_weight_judges_on_from_the_beginning(lose: Loss) -> None:
    story, seen = Story().at_weight(40), list[TickRecord]()
    watch = lose(story)

    def look(record: TickRecord) -> None:
        seen.append(record)
        watch(record)

    state = stages.gate(story.release, look)

    assert (state.phase, state.weight, seen[-1].decision.verdict) == (Phase.PROGRESSING, 0, Verdict.PASSED)


@LOSSES
def test_a_promote_promotes_nothing_that_lost_its_traffic(lose: Loss) -> None:
    story = Story().at_weight(80)
    watch = lose(story)

    state = stages.promote(story.release, watch)

    assert (state.phase, state.cause, story.workload.primary_revision) == (Phase.FAILED, Cause.ABORTED, "v1")
    assert state.reason == "canary weight is 0 where 80 was to be promoted; start again"


@pytest.mark.parametrize("of", [plan(), ab_test()], ids=["canary", "a/b"])
def test_a_promote_is_refused_to_a_canary_that_has_no_traffic(of: RolloutPlan) -> None:
    story = Story(of)
    stages.start(story.release)

    with pytest.raises(ConfigurationError, match="cannot run at canary weight 0; set-weight and gate come before it"):
        stages.promote(story.release)

    assert (story.state.phase, story.workload.primary_revision) == (Phase.PROGRESSING, "v1")


def test_a_promote_follows_the_start_where_no_user_is_to_judge_by() -> None:
    for of in (replace(plan(), skip_analysis=True), blue_green()):
        story = Story(of)
        stages.start(story.release)

        assert stages.promote(story.release).phase is Phase.PROMOTING


def test_a_gate_at_the_weight_that_is_set_judges_as_ever() -> None:
    story = Story().at_weight(40)

    assert stages.gate(story.release, at=40).weight == 40
