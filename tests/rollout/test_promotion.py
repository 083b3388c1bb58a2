"""The way from a proved canary to a primary that runs the same, and what can go wrong on it."""

import pytest

from tests.rollout_story import Story, analysis, plan
from workflows.errors import TemporaryError
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route


def promoting(step: int = 0) -> Story:
    story = Story(plan(analysis(weights=(50,), promotion_step=step)))
    story.until(Phase.PROMOTING)
    return story


def finalising() -> Story:
    story = promoting()
    story.until(Phase.FINALISING)
    return story


def test_traffic_stays_while_the_promoted_primary_is_not_ready() -> None:
    story = promoting()
    story.workload.stall(Arm.PRIMARY, "rolling")
    story.router.shift(Route(100))

    story.tick()

    assert (story.state.phase, story.router.read()) == (Phase.PROMOTING, Route(100))
    assert story.messages[-1] == "ad-primary.weather not ready: rolling"


def test_users_of_a_primary_that_went_away_while_promoted_are_served_by_the_canary() -> None:
    story = promoting()
    story.workload.stall(Arm.PRIMARY, "rolling")

    story.tick()

    assert (story.state.phase, story.state.weight, story.router.read()) == (Phase.PROMOTING, 100, Route(100))
    story.workload.recover(Arm.PRIMARY)
    assert story.run().cause is Cause.PROMOTED


def test_a_failed_promotion_leaves_all_traffic_on_the_canary_which_stays_up() -> None:
    story = promoting()
    story.workload.stall(Arm.PRIMARY, "crash loop")

    state = story.run()

    assert (state.phase, state.cause, state.weight) == (Phase.FAILED, Cause.PRIMARY_NOT_READY, 100)
    assert (story.router.read(), story.workload.readiness(Arm.CANARY).ready) == (Route(100), True)
    late = "the primary has v2 already, set the target back to leave it"
    assert story.alerts[-1] == ("ERROR", f"Promotion of ad.weather failed, primary not ready: crash loop; {late}")


def test_a_primary_that_breaks_while_finalising_gives_its_traffic_back_to_the_canary() -> None:
    story = finalising()
    story.workload.stall(Arm.PRIMARY, "crash loop")

    state = story.run()

    assert (state.cause, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(100))


def test_a_primary_that_comes_back_while_finalising_has_all_traffic_before_the_canary_goes() -> None:
    story = finalising()
    story.workload.stall(Arm.PRIMARY)
    story.tick()
    story.workload.recover(Arm.PRIMARY)

    state = story.run()

    assert (state.phase, state.route, story.router.read()) == (Phase.SUCCEEDED, Route(), Route())
    assert not story.workload.readiness(Arm.CANARY).serving


def test_a_canary_that_dies_while_promoting_loses_its_traffic() -> None:
    story = promoting(step=10)
    story.workload.stall(Arm.CANARY, "crashed")

    story.tick()

    assert (story.router.read(), story.state.phase) == (Route(), Phase.PROMOTING)
    assert story.run().cause is Cause.PROMOTED


def test_traffic_that_left_the_canary_while_promoting_is_not_given_back() -> None:
    story = promoting(step=10)
    story.router.shift(Route(20))

    story.run()

    assert story.weights == [0, 50, 20, 10, 0]


@pytest.mark.parametrize(("step", "weights"), [(20, [0, 50, 30, 10, 0]), (60, [0, 50, 0]), (0, [0, 50, 0])])
def test_the_way_back_has_the_plans_steps(step: int, weights: list[int]) -> None:
    story = promoting(step)

    story.run()

    assert story.weights == weights


def test_a_target_that_moved_on_is_not_promoted() -> None:
    story = Story(plan(analysis(weights=(50,)))).at_weight(50)
    promote = story.workload.promote

    def overtaken(revision: str) -> None:
        story.workload.deploy("v3")
        promote(revision)

    story.workload.promote = overtaken  # type: ignore[method-assign] # the target changes within the tick
    with pytest.raises(TemporaryError, match="a newer release has begun"):
        story.tick()

    assert (story.workload.primary_revision, story.state.phase) == ("v1", Phase.PROGRESSING)


def test_a_finished_release_stays_as_it_is() -> None:
    story = Story()
    ended = story.run()

    records = [story.tick() for _ in range(3)]

    assert [(record.decision.state, record.decision.actions) for record in records] == [(ended, ())] * 3
