"""What was decided while another owner had the release is not put in force."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.rollout_story import YES, Story, asking
from webhooks.protocol import HookPayload, HookType
from workflows import stages
from workflows.custody import let_go
from workflows.errors import TemporaryError
from workflows.ports import HookAnswer
from workflows.release import Release, TickRecord
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Hook
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route


class Interrupted:
    """Calls hooks, during the first of which another owner ends the release and goes."""

    def __init__(self, release: Release) -> None:
        self._end: Callable[[], None] | None = lambda: end_by_another(release)

    def call(self, _asked: Hook, _payload: HookPayload) -> HookAnswer:
        """Call a hook."""
        if self._end:
            end, self._end = self._end, None
            end()
        return YES


def end_by_another(release: Release) -> None:
    second = replace(release, owner="second")
    stages.acquire(second, stages.Conflict.SUPERSEDE)
    stages.finish(second, Cause.ABORTED, "superseded")
    let_go(second)


@pytest.mark.parametrize("weight", [40, 100])
def test_a_release_that_was_ended_during_a_tick_stays_ended(weight: int) -> None:
    story = Story(asking(HookType.ROLLOUT)).at_weight(weight)
    story.plug(hooks=Interrupted(story.release))

    state = story.run()

    assert (state.phase, state.reason, story.router.read()) == (Phase.FAILED, "superseded", Route())
    assert story.workload.primary_revision == "v1"


class Deploying:
    """Calls hooks, during the first of which at full weight another version is asked for."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def call(self, _asked: Hook, _payload: HookPayload) -> HookAnswer:
        """Call a hook."""
        if self._story.state.weight == 100 and self._story.state.revision == "v2":
            self._story.workload.deploy("v3")
        return YES


def test_a_version_that_comes_in_while_another_is_confirmed_does_not_make_it_the_promoted_one() -> None:
    story = Story(asking(HookType.ROLLOUT))
    story.plug(hooks=Deploying(story))

    with pytest.raises(TemporaryError, match="revision v3 came in before v2 was promoted"):
        story.until(Phase.PROMOTING)
    story.until(lambda state: state.revision == "v3")

    assert (story.state.promoted_revision, story.workload.primary_revision) == ("v1", "v1")


Stage = Callable[[Release], RolloutState]


@pytest.mark.parametrize(
    "stage",
    [stages.gate, lambda release: stages.gate(release, at=40), lambda release: stages.set_weight(release, 60)],
    ids=["gate", "gate 40", "set-weight"],
)
def test_a_stage_whose_release_was_ended_between_its_ticks_stops_there(stage: Stage) -> None:
    story = Story().at_weight(40)
    story.router.shift(Route(90))  # the first tick sets it again
    seen: list[TickRecord] = []

    def keep(record: TickRecord) -> None:
        seen.append(record)
        if len(seen) == 1:
            end_by_another(story.release)

    state = stage(replace(story.release, keep=keep))

    assert (state.phase, state.reason, story.router.read()) == (Phase.FAILED, "superseded", Route())
