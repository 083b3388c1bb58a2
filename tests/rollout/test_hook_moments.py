"""When each type of hook is called, what it is told, and what its answer does."""

import pytest

from tests.rollout_story import YES, Story, ab_test, analysis, asking, blue_green, hook, no, plan
from webhooks.protocol import HookType
from workflows.release import checksum
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm

ASKED = tuple(each for each in HookType if each is not HookType.EVENT)


def test_each_hook_is_called_at_its_moment_with_its_phase() -> None:
    story = Story(asking(*ASKED, of=analysis(weights=(50,))))

    story.run()

    assert [(call.hook.type.value, call.payload.phase) for call in story.hooks.calls] == [
        ("confirm-rollout", "Initialized"),
        ("rollback", "Progressing"),
        ("pre-rollout", "Progressing"),
        ("confirm-traffic-increase", "Progressing"),
        ("rollback", "Progressing"),
        ("rollout", "Progressing"),
        ("confirm-traffic-increase", "Progressing"),
        ("confirm-promotion", "Progressing"),
        ("post-rollout", "Succeeded"),
    ]


@pytest.mark.parametrize("strategy", [ab_test, blue_green])
def test_traffic_increases_are_confirmed_by_weight_alone(strategy: object) -> None:
    story = Story(strategy(hooks=(hook(HookType.CONFIRM_TRAFFIC_INCREASE),)))  # type: ignore[operator] # a builder

    story.run()

    assert story.called == []


def test_every_hook_is_told_who_asks_and_about_what() -> None:
    story = Story(asking(HookType.PRE_ROLLOUT))

    story.run()
    payload = story.hooks.calls[0].payload

    assert (payload.name, payload.namespace, payload.checksum) == ("ad", "weather", checksum("v2"))


def test_the_gate_before_a_release_is_asked_about_the_new_revision() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no(), no(), YES]})

    story.run()

    asked = [(call.payload.phase, call.payload.checksum) for call in story.hooks.calls]
    assert asked == [(phase, checksum("v2")) for phase in ("Initialized", "Waiting", "Waiting")]


def test_the_first_hook_that_says_no_stops_the_ones_after_it() -> None:
    hooks = tuple(hook(HookType.PRE_ROLLOUT, name) for name in ("one", "two", "three"))
    story = Story(plan(analysis(hooks=hooks)), {"two": [no("503")]})

    story.tick(2)

    assert [call.hook.name for call in story.hooks.calls] == ["one", "two"]
    assert "Pre-rollout check one passed" in story.messages


def test_a_release_waits_for_its_approval_and_says_so_once() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no(), no(), no(), YES]})

    story.tick(3)

    halt = "Halt ad.weather advancement waiting for approval ask-confirm-rollout: not yet"
    assert (story.state.phase, story.state.failed_checks) == (Phase.WAITING, 0)
    assert story.alerts == [("WARN", halt)]
    assert not story.workload.readiness(Arm.CANARY).ready
    assert story.tick().decision.state.phase is Phase.PROGRESSING


def test_an_approval_that_stays_away_refuses_the_release() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no("closed")]})

    state = story.run()

    assert (state.phase, state.cause, state.revision) == (Phase.FAILED, Cause.REFUSED, "v2")
    assert state.reason == "no approval by ask-confirm-rollout in time: closed"
    assert story.router.read().canary_percent == 0


def test_a_refused_revision_stays_refused_and_the_next_one_is_asked_about() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no()]})
    story.run()

    assert story.tick().decision.state.phase is Phase.FAILED
    story.workload.deploy("v3")
    assert story.tick().decision.state.phase is Phase.WAITING


def test_a_revision_withdrawn_while_it_waits_is_no_release() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no()]})
    story.tick()
    story.workload.deploy("v1")

    state = story.run()

    assert (state.phase, state.cause, state.revision) == (Phase.INITIALIZED, None, "v1")


def test_another_revision_that_comes_while_waiting_gets_its_own_time() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no()]})
    story.tick()
    story.clock.sleep(story.release.plan.approval_deadline)
    story.workload.deploy("v3")

    state = story.tick().decision.state

    assert (state.phase, state.revision) == (Phase.WAITING, "v3")


def test_pre_rollout_failures_count_until_the_release_is_rolled_back() -> None:
    story = Story(asking(HookType.PRE_ROLLOUT), {HookType.PRE_ROLLOUT: [no("2 of 9 tests failed")]})

    state = story.run()

    assert (state.cause, state.failed_checks, story.weights) == (Cause.CHECKS, 3, [0])
    assert (
        story.messages.count("Halt ad.weather advancement pre-rollout check ask-pre-rollout failed 2 of 9 tests failed")
        == 3
    )
    assert ("WARN", "Halt ad.weather advancement pre-rollout check ask-pre-rollout failed 2 of 9 tests failed") in (
        story.alerts
    )


def test_a_failed_rollout_hook_is_a_failed_check_without_a_look_at_metrics() -> None:
    story = Story(asking(HookType.ROLLOUT), {HookType.ROLLOUT: [no("p99 too high")]}).at_weight(20)

    record = story.tick()

    assert record.decision.reason == "external check ask-rollout failed p99 too high"
    assert (record.decision.checks, record.decision.state.failed_checks) == ((), 1)


def test_traffic_waits_for_its_increase_and_nobody_is_told_twice() -> None:
    asked = asking(HookType.PRE_ROLLOUT, HookType.CONFIRM_TRAFFIC_INCREASE)
    story = Story(asked, {HookType.CONFIRM_TRAFFIC_INCREASE: [no(), no(), YES]})

    story.tick(3)

    assert (story.state.weight, story.state.failed_checks, story.state.phase) == (0, 0, Phase.PROGRESSING)
    assert story.called.count("pre-rollout") == 2
    assert [severity for severity, _ in story.alerts] == ["INFO", "WARN"]
    assert story.tick().decision.state.weight == 20


def test_an_increase_that_nobody_approves_is_refused_in_the_end() -> None:
    story = Story(asking(HookType.CONFIRM_TRAFFIC_INCREASE), {HookType.CONFIRM_TRAFFIC_INCREASE: [YES, no("later")]})

    state = story.run()

    assert (state.cause, story.weights) == (Cause.REFUSED, [0, 20, 0])


def test_the_increase_is_also_confirmed_on_the_tick_that_promotes() -> None:
    story = Story(
        asking(HookType.CONFIRM_TRAFFIC_INCREASE, of=analysis(weights=(50,))),
        {HookType.CONFIRM_TRAFFIC_INCREASE: [YES, no(), YES]},
    )

    story.run()

    assert story.called == ["confirm-traffic-increase"] * 3


def test_the_increase_after_mirroring_needs_no_word() -> None:
    story = Story(asking(HookType.CONFIRM_TRAFFIC_INCREASE, of=analysis(weights=(50,), mirror_percent=100)))

    story.run()

    assert story.called == ["confirm-traffic-increase"] * 2


def test_a_promotion_waits_with_its_traffic_where_it_is() -> None:
    story = Story(asking(HookType.CONFIRM_PROMOTION), {HookType.CONFIRM_PROMOTION: [no(), no(), YES]})

    state = story.until(Phase.WAITING_PROMOTION)
    still = story.tick().decision.state

    assert [(each.phase, each.weight) for each in (state, still)] == [(Phase.WAITING_PROMOTION, 100)] * 2
    assert story.tick().decision.state.phase is Phase.PROMOTING
    assert story.called == ["confirm-promotion"] * 3


def test_checks_go_on_while_a_promotion_waits() -> None:
    asked = asking(HookType.CONFIRM_PROMOTION, HookType.ROLLOUT)
    story = Story(asked, {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    story.traffic.errors_percent[Arm.CANARY] = 25

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.CHECKS, 3)


@pytest.mark.parametrize("strategy", [ab_test, blue_green])
def test_every_strategy_waits_for_its_promotion(strategy: object) -> None:
    waiting = strategy(hooks=(hook(HookType.CONFIRM_PROMOTION),))  # type: ignore[operator] # a builder
    story = Story(waiting, {HookType.CONFIRM_PROMOTION: [no(), no(), YES]})

    story.until(Phase.WAITING_PROMOTION)

    assert story.run().cause is Cause.PROMOTED


def test_a_promotion_that_nobody_approves_is_refused_in_the_end() -> None:
    story = Story(asking(HookType.CONFIRM_PROMOTION), {HookType.CONFIRM_PROMOTION: [no()]})

    state = story.run()

    assert (state.cause, story.router.read().canary_percent) == (Cause.REFUSED, 0)


def test_a_muted_hook_alerts_nobody() -> None:
    quiet = hook(HookType.CONFIRM_ROLLOUT)
    muted = analysis(hooks=(type(quiet)(quiet.name, quiet.url, quiet.type, mute_alert=True),))
    story = Story(plan(muted), {HookType.CONFIRM_ROLLOUT: [no()]})

    story.tick()

    assert (story.alerts, len(story.messages)) == ([], 1)


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.WAITING_PROMOTION])
def test_a_rollback_hook_that_says_yes_ends_the_release(phase: Phase) -> None:
    asked = asking(HookType.ROLLBACK, HookType.CONFIRM_PROMOTION)
    story = Story(asked, {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(phase)
    story.hooks.script = {HookType.ROLLBACK: [YES]}

    state = story.run()

    assert (state.cause, state.reason) == (Cause.HOOK, "rollback check ask-rollback passed")
    assert story.alerts[-1] == (
        "WARN",
        "Rolling back ad.weather manual webhook invoked: rollback check ask-rollback passed",
    )


def test_a_rollback_hook_works_while_the_release_waits() -> None:
    asked = asking(HookType.CONFIRM_ROLLOUT, HookType.ROLLBACK)
    story = Story(asked, {HookType.CONFIRM_ROLLOUT: [no()], HookType.ROLLBACK: [no(), YES]})

    state = story.run()

    assert (state.phase, state.cause, state.revision) == (Phase.FAILED, Cause.HOOK, "v2")


def test_a_rollback_hook_that_says_no_says_nothing_to_anybody() -> None:
    story = Story(asking(HookType.ROLLBACK))

    story.run()

    assert not [message for message in story.messages if "rollback" in message.lower()]


def test_a_failed_post_rollout_hook_changes_nothing() -> None:
    hooks = tuple(hook(HookType.POST_ROLLOUT, name) for name in ("one", "two"))
    story = Story(plan(analysis(hooks=hooks)), {"one": [no("500")]})

    state = story.run()

    assert (state.phase, [call.hook.name for call in story.hooks.calls]) == (Phase.SUCCEEDED, ["one"])
    assert story.messages[-1] == "Post-rollout hook one failed 500"


def test_post_rollout_hooks_are_told_of_a_failure_too() -> None:
    story = Story(asking(HookType.POST_ROLLOUT))
    story.traffic.errors_percent[Arm.CANARY] = 100

    story.run()

    assert [call.payload.phase for call in story.hooks.calls] == ["Failed"]


def test_event_hooks_hear_every_event_with_what_the_file_adds() -> None:
    listening = type(hook(HookType.EVENT))(
        "ears", "http://hooks.test/", HookType.EVENT, metadata={"team": "weather", "eventType": "mine"}
    )
    story = Story(plan(analysis(hooks=(listening,))))
    story.hooks.calls.clear()

    story.tick()

    heard = [call.payload for call in story.hooks.calls]
    assert [payload.metadata["eventMessage"] for payload in heard] == story.messages
    assert {payload.phase for payload in heard} == {"Progressing"}
    assert heard[0].metadata == {
        "team": "weather",
        "eventMessage": "New revision detected! Scaling up ad.weather",
        "eventType": "Normal",
        "timestamp": str(int(story.events.emitted[0][0].timestamp() * 1000)),
    }


def test_warnings_are_marked_for_event_hooks() -> None:
    story = Story(asking(HookType.EVENT, HookType.PRE_ROLLOUT), {HookType.PRE_ROLLOUT: [no()]})

    story.tick(2)

    assert story.hooks.calls[-1].payload.metadata["eventType"] == "Warning"
