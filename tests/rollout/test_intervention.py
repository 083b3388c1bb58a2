"""People intervene: pause, resume, abort, retry, promote; each order is heeded once, and never what is judged."""

from datetime import timedelta
from itertools import count

import pytest

from tests.rollout_story import INTERVAL, YES, Story, asking, no, plan
from webhooks.protocol import HookType
from workflows import stages
from workflows.errors import FencedError
from workflows.release import Release
from workflows.rollout.order import FITTING, Command, Order
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route
from workflows.stages import Conflict

_NUMBERS = count()


def order(story: Story, command: Command) -> None:
    story.states.order(Order(command, "ann", str(next(_NUMBERS))))


def test_a_paused_release_keeps_its_weight_and_says_by_whom() -> None:
    story = Story().at_weight(40)
    order(story, Command.PAUSE)

    story.tick(5)

    assert story.state.weight == 40
    assert story.messages.count("Halt ad.weather advancement paused by ann") == 1


def test_a_resumed_release_goes_on_to_its_end() -> None:
    story = Story().at_weight(40)
    order(story, Command.PAUSE)
    story.tick(3)
    order(story, Command.RESUME)

    state = story.run()

    assert (state.cause, state.paused) == (Cause.PROMOTED, "")


def test_a_promotion_that_was_paused_and_resumed_still_has_its_deadline() -> None:
    story = Story(asking(HookType.CONFIRM_PROMOTION), {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    for command in (Command.PAUSE, Command.RESUME):
        order(story, command)
        story.tick()

    assert story.run().cause is Cause.REFUSED


def test_a_pause_has_the_whole_deadline_however_long_an_approval_was_awaited_before() -> None:
    story = Story(asking(HookType.CONFIRM_PROMOTION), {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    story.tick(int(timedelta(minutes=4) / INTERVAL))
    order(story, Command.PAUSE)
    began = story.clock.now()

    assert story.run().cause is Cause.REFUSED
    assert story.clock.now() - began >= story.release.plan.approval_deadline


def test_an_order_to_promote_confirms_no_revision_that_comes_in_after_it() -> None:
    asked = asking(HookType.CONFIRM_ROLLOUT, HookType.CONFIRM_PROMOTION)
    story = Story(asked, {HookType.CONFIRM_ROLLOUT: [YES, no()], HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    order(story, Command.PROMOTE)
    story.workload.deploy("v3")

    story.tick(3)

    assert (story.state.phase, story.state.revision, story.router.read()) == (Phase.WAITING, "v3", Route())


def test_a_paused_canary_that_fails_is_rolled_back() -> None:
    story = Story().at_weight(40)
    order(story, Command.PAUSE)
    story.traffic.errors_percent[Arm.CANARY] = 25

    assert story.run().cause is Cause.CHECKS


def test_a_pause_that_nobody_ends_is_rolled_back_at_the_approval_deadline() -> None:
    story = Story(plan(approval_deadline=INTERVAL * 3)).at_weight(40)
    order(story, Command.PAUSE)

    state = story.run()

    assert (state.cause, state.reason) == (Cause.REFUSED, "paused by ann, and not resumed in time")


def test_an_aborted_release_sends_its_traffic_home() -> None:
    story = Story().at_weight(40)
    order(story, Command.ABORT)

    state = story.run()

    assert (state.cause, state.reason, story.router.read()) == (Cause.ABORTED, "aborted by ann", Route())


def test_a_failed_revision_is_released_again_when_it_is_retried() -> None:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 25
    story.run()
    story.traffic.errors_percent[Arm.CANARY] = 0
    order(story, Command.RETRY)

    assert story.run().cause is Cause.PROMOTED


def test_a_revision_that_failed_is_not_tried_twice_for_one_order() -> None:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 25
    story.run()
    order(story, Command.RETRY)
    story.run()
    story.router.history.clear()

    story.run()

    assert story.router.history == []


@pytest.mark.parametrize(
    "asked", [HookType.CONFIRM_ROLLOUT, HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION]
)
def test_to_promote_is_to_give_the_approval_that_is_asked_now(asked: HookType) -> None:
    story = Story(asking(asked), {asked: [no()]})
    story.until(lambda state: state.held_since is not None)
    before = story.state.phase, story.state.weight
    order(story, Command.PROMOTE)

    story.tick()

    assert (story.state.phase, story.state.weight) != before


def test_to_promote_in_full_skips_the_rest_of_the_analysis() -> None:
    story = Story().at_weight(20)
    order(story, Command.PROMOTE_FULL)

    state = story.run()

    assert (state.cause, story.weights) == (Cause.PROMOTED, [0, 20, 0])


def test_a_canary_that_is_not_ready_is_not_promoted_in_full() -> None:
    story = Story().at_weight(20)
    story.workload.stall(Arm.CANARY)
    order(story, Command.PROMOTE_FULL)

    story.tick()

    assert story.state.phase is Phase.PROGRESSING


@pytest.mark.parametrize("command", [command for command in Command if command is not Command.RETRY])
def test_an_order_that_does_not_fit_the_phase_is_passed_over(command: Command) -> None:
    story = Story(deploy="")
    order(story, command)

    story.tick()

    assert story.state.phase not in FITTING[command]
    assert (story.state.paused, bool(story.state.heeded)) == ("", True)


def test_an_order_that_came_in_another_phase_is_not_heeded_later() -> None:
    story = Story()
    order(story, Command.PAUSE)

    assert story.run().cause is Cause.PROMOTED


def test_a_paused_pipeline_waits_with_its_next_weight() -> None:
    story = Story(plan(approval_deadline=INTERVAL * 3))
    stages.start(story.release)
    stages.gate(story.release)
    order(story, Command.PAUSE)

    state = stages.set_weight(story.release, 20)

    assert (state.cause, story.router.read()) == (Cause.REFUSED, Route())


def test_a_paused_pipeline_waits_with_its_promotion() -> None:
    story = Story(plan(approval_deadline=INTERVAL * 3))
    stages.start(story.release)
    stages.set_weight(story.release, 20)
    order(story, Command.PAUSE)

    assert stages.promote(story.release).cause is Cause.REFUSED


def test_a_pipeline_is_aborted_at_its_next_stage() -> None:
    story = Story()
    stages.start(story.release)
    order(story, Command.ABORT)

    assert stages.gate(story.release).cause is Cause.ABORTED


@pytest.mark.parametrize("command", [Command.PROMOTE, Command.PROMOTE_FULL])
def test_to_promote_a_paused_pipeline_is_to_resume_it(command: Command) -> None:
    story = Story()
    stages.start(story.release)
    order(story, Command.PAUSE)
    stages.gate(story.release, lambda record: order(story, command) if record.decision.state.paused else None)

    state = stages.set_weight(story.release, 20)

    assert (state.weight, state.phase) == (20, Phase.PROGRESSING)


def test_a_gate_of_a_paused_pipeline_goes_on_judging() -> None:
    story = Story()
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 20)
    order(story, Command.PAUSE)
    story.traffic.errors_percent[Arm.CANARY] = 60

    assert stages.gate(story.release).cause is Cause.CHECKS


def other(story: Story) -> Release:
    return Release(story.release.platform, story.release.plan, "run-2", timedelta(seconds=30))


def test_who_does_not_wait_is_refused_while_another_owns_the_release() -> None:
    story = Story().at_weight(20)

    with pytest.raises(FencedError, match="held by run-1"):
        stages.acquire(other(story))


def test_who_waits_gets_the_release_when_its_lease_has_run_out() -> None:
    story = Story().at_weight(20)

    assert stages.acquire(other(story), Conflict.WAIT).weight == 20


def test_a_wait_for_another_owner_has_an_end() -> None:
    story = Story().at_weight(20)

    with pytest.raises(FencedError, match="held by run-1"):
        stages.acquire(other(story), Conflict.WAIT, timedelta(seconds=2.5))


def test_who_supersedes_shuts_the_owner_out() -> None:
    story = Story().at_weight(20)

    stages.acquire(other(story), Conflict.SUPERSEDE)

    with pytest.raises(FencedError, match="held by run-2"):
        story.tick()
