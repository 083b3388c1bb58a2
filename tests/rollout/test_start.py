"""What happens before an analysis: the first deployment, and looking for a new revision."""

import pytest

from tests.rollout_story import Story, plan
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route


def test_the_first_deployment_becomes_the_primary() -> None:
    story = Story(deploy="")

    state = story.run()

    assert (state.phase, state.revision, state.promoted_revision) == (Phase.INITIALIZED, "v1", "v1")
    assert (story.workload.primary_revision, story.router.history) == ("v1", [Route()])
    assert not story.workload.readiness(Arm.CANARY).serving
    assert story.messages[0] == "Initialization done! ad.weather"


def test_a_first_primary_that_is_slow_is_waited_for() -> None:
    story = Story(deploy="")
    story.workload.initialise()
    story.workload.stall(Arm.PRIMARY, "0 of 1 replicas are ready")

    story.tick(2)
    story.workload.recover(Arm.PRIMARY)

    assert story.messages == ["ad-primary.weather not ready: 0 of 1 replicas are ready"]
    assert story.run().phase is Phase.INITIALIZED


def test_a_first_primary_that_never_comes_is_given_up() -> None:
    story = Story(deploy="")
    story.workload.initialise()
    story.workload.stall(Arm.PRIMARY)

    state = story.run()

    assert (state.phase, state.cause) == (Phase.INITIALIZING, Cause.PRIMARY_NOT_READY)
    assert story.alerts == [("ERROR", "ad-primary.weather not ready: 0 of 1 replicas are ready")]


def test_a_new_revision_starts_with_the_canary_up_and_no_traffic_moved() -> None:
    story = Story()

    record = story.tick()

    assert (record.decision.state.phase, story.weights) == (Phase.PROGRESSING, [0])
    assert story.workload.readiness(Arm.CANARY).ready


@pytest.mark.parametrize("revision", ["v1", "v2"])
def test_a_revision_that_was_promoted_or_rolled_back_starts_nothing(revision: str) -> None:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 100
    ended = story.run()
    story.workload.deploy(revision)

    record = story.tick()

    assert (record.decision.state, record.decision.reason) == (ended, "no new revision")


def test_a_release_waits_for_a_primary_that_is_not_ready() -> None:
    story = Story()
    story.workload.stall(Arm.PRIMARY)

    story.tick()

    assert (story.state.phase, story.messages) == (
        Phase.INITIALIZED,
        ["ad-primary.weather not ready: 0 of 1 replicas are ready"],
    )


def test_a_release_without_a_primary_is_given_up_and_can_be_tried_again() -> None:
    story = Story()
    story.workload.stall(Arm.PRIMARY)
    given_up = story.run()
    story.workload.recover(Arm.PRIMARY)

    assert (given_up.phase, given_up.cause) == (Phase.INITIALIZED, Cause.PRIMARY_NOT_READY)
    assert story.run().cause is Cause.PROMOTED


def test_a_broken_primary_is_replaced_when_the_analysis_is_skipped() -> None:
    story = Story(plan(skip_analysis=True))
    story.workload.stall(Arm.PRIMARY, "crash loop")
    story.until(Phase.PROMOTING)

    assert story.router.history == []
    story.workload.recover(Arm.PRIMARY)
    assert story.run().cause is Cause.PROMOTED


def test_nothing_moves_while_a_canary_is_suspended() -> None:
    story = Story().at_weight(40)
    before = story.state
    story.change(suspend=True)

    record = story.tick(3)

    assert (record.decision.state, record.decision.actions) == (before, ())
    assert story.messages[-1] == "skipping canary run as object is suspended"
    story.change(suspend=False)
    assert story.tick().decision.state.weight == 60
