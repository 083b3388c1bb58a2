"""What a pipeline asks people, and that the canary is judged while nobody answers."""

from datetime import timedelta

from tests.rollout_story import INTERVAL, YES, Story, ab_test, analysis, asking, hook, no, plan
from webhooks.protocol import HookType
from workflows import stages
from workflows.rollout.order import Command, Order
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route

PROMOTION, INCREASE = HookType.CONFIRM_PROMOTION, HookType.CONFIRM_TRAFFIC_INCREASE
LONG = timedelta(hours=1)


def waiting(*types: HookType, answers: int = 1000, **script: object) -> Story:
    """Stand at the last weight, judged, with a promotion that is confirmed after so many answers."""
    asked = asking(PROMOTION, HookType.ROLLBACK, HookType.ROLLOUT, *types, of=analysis(weights=(50,)))
    said = {PROMOTION: [no()] * answers + [YES], HookType.ROLLBACK: [no()] * 1000}
    story = Story(asked, said | {HookType(name.replace("_", "-")): each for name, each in script.items()})  # type: ignore[dict-item,arg-type] # a test writes the answers
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 50)
    stages.gate(story.release)
    return story


def confirm(story: Story, patience: timedelta = LONG) -> bool:
    return stages.hook(story.release, PROMOTION, patience).passed


def test_a_promotion_that_is_confirmed_at_once_is_not_judged_again() -> None:
    story = waiting(answers=0)
    began = story.clock.now()

    assert confirm(story)
    assert (story.clock.now(), story.called[-1]) == (began, "confirm-promotion")
    assert "Confirm-promotion check ask-confirm-promotion passed" in story.messages


def test_a_promotion_that_waits_is_asked_for_after_each_judgement() -> None:
    story = waiting(answers=2)
    before = len(story.called)

    assert confirm(story)

    judged = ["rollback", "rollout", "confirm-promotion"]
    assert story.called[before:] == ["confirm-promotion", *judged, *judged]
    assert (story.state.phase, stages.promote(story.release).phase) == (Phase.WAITING_PROMOTION, Phase.PROMOTING)


def test_a_pipeline_that_waits_for_its_promotion_takes_the_ticks_of_a_whole_run() -> None:
    staged = waiting(answers=3)
    whole = Story(staged.release.plan, {PROMOTION: [no()] * 3 + [YES], HookType.ROLLBACK: [no()] * 1000})

    confirm(staged)
    stages.promote(staged.release)
    whole.until(Phase.PROMOTING)

    assert staged.called == whole.called
    assert staged.clock.now() == whole.clock.now()


def test_a_canary_that_goes_bad_while_its_promotion_waits_is_rolled_back() -> None:
    story = waiting()
    story.traffic.errors_percent[Arm.CANARY] = 60

    assert not confirm(story)
    assert (story.state.cause, story.state.failed_checks, story.router.read()) == (Cause.CHECKS, 3, Route())


def test_a_rollback_hook_ends_a_promotion_that_waits() -> None:
    story = waiting(rollback=[no(), no(), no(), YES])

    assert not confirm(story)
    assert (story.state.cause, story.state.reason) == (Cause.HOOK, "rollback check ask-rollback passed")


def test_a_promotion_that_waits_is_aborted_by_an_order() -> None:
    story = waiting()
    story.states.order(Order(Command.ABORT, "alice", "1"))

    assert not confirm(story)
    assert story.state.reason == "aborted by alice"


def test_a_paused_promotion_is_not_asked_for() -> None:
    story = waiting(answers=0)
    story.states.order(Order(Command.PAUSE, "alice", "1"))

    assert not confirm(story)
    assert (story.state.cause, "confirm-promotion" in story.called) == (Cause.REFUSED, False)


def test_a_canary_that_goes_bad_while_its_promotion_is_paused_is_rolled_back() -> None:
    story = waiting(answers=0)
    story.states.order(Order(Command.PAUSE, "alice", "1"))
    story.traffic.errors_percent[Arm.CANARY] = 60

    assert not confirm(story)
    assert story.state.cause is Cause.CHECKS


def test_a_promotion_that_nobody_confirms_is_refused_at_the_approval_deadline() -> None:
    story = waiting()
    began = story.clock.now()

    assert not confirm(story)
    assert (story.state.cause, story.router.read()) == (Cause.REFUSED, Route())
    assert story.clock.now() - began == story.release.plan.approval_deadline + INTERVAL


def test_a_promotion_that_is_not_confirmed_in_time_for_its_caller_can_be_asked_for_again() -> None:
    story = waiting(answers=2)

    first, began = confirm(story, timedelta()), story.clock.now()
    again = confirm(story, timedelta())

    assert (first, again, confirm(story, timedelta())) == (False, False, True)
    assert (story.state.phase, story.clock.now() - began) == (Phase.WAITING_PROMOTION, INTERVAL * 2)


def test_a_canary_that_lost_its_traffic_is_not_promoted() -> None:
    story = waiting()
    confirm(story, timedelta())
    story.router.shift(Route(10))

    assert not confirm(story)
    assert story.state.cause is Cause.ABORTED
    assert story.state.reason == "canary weight is 0 where 50 was to be promoted; start again"


def test_a_promotion_under_way_is_confirmed_and_one_that_failed_is_not() -> None:
    promoting, failed = waiting(answers=0), waiting(answers=0)
    stages.promote(promoting.release)
    stages.rollback(failed.release, Cause.ABORTED, "undone")

    assert (confirm(promoting), confirm(failed)) == (True, False)


def test_what_skips_its_analysis_is_not_asked_about() -> None:
    story = Story(plan(analysis(hooks=(hook(PROMOTION), hook(INCREASE))), skip_analysis=True))
    stages.start(story.release)
    stages.gate(story.release)

    assert (confirm(story), story.called) == (True, [])


def test_the_gate_asks_before_every_weight_and_before_the_promotion() -> None:
    story = Story(asking(INCREASE, of=analysis(weights=(50,))))
    whole = Story(story.release.plan)

    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 50)
    stages.gate(story.release)
    whole.until(Phase.PROMOTING)

    assert story.called == whole.called == ["confirm-traffic-increase"] * 2


def test_a_canary_that_may_have_no_more_traffic_stays_and_is_judged() -> None:
    # Of the answers the first two are for the first weight.
    story = Story(
        asking(INCREASE, HookType.ROLLOUT, of=analysis(weights=(50, 100))),
        {INCREASE: [no(), YES, no(), no(), YES]},
    )
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 50)

    state = stages.gate(story.release)

    assert (state.weight, state.failed_checks) == (50, 0)
    assert story.called[2:] == ["rollout", "confirm-traffic-increase"] * 3


def test_a_canary_that_goes_bad_while_more_traffic_waits_is_rolled_back() -> None:
    story = Story(asking(INCREASE), {INCREASE: [YES] + [no()] * 1000})
    stages.start(story.release)
    stages.gate(story.release)
    stages.set_weight(story.release, 20)
    story.traffic.errors_percent[Arm.CANARY] = 60

    assert stages.gate(story.release).cause is Cause.CHECKS


def test_an_increase_that_nobody_confirms_is_refused_at_the_approval_deadline() -> None:
    story = Story(asking(INCREASE), {INCREASE: [no()] * 1000})
    stages.start(story.release)

    state = stages.gate(story.release)

    assert (state.cause, story.weights) == (Cause.REFUSED, [0])


def test_an_ab_test_is_not_asked_for_more_traffic() -> None:
    story = Story(ab_test(hooks=(hook(INCREASE),)))
    stages.start(story.release)

    assert (stages.gate(story.release).phase, story.called) == (Phase.PROGRESSING, [])
