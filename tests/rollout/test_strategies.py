"""A/B tests, blue/green with and without a mesh, mirroring, and releases without an analysis."""

from tests.rollout_story import YES, Story, ab_test, blue_green, hook, no, plan
from webhooks.protocol import HookType
from workflows.rollout.phase import Phase
from workflows.rollout.plan import SessionAffinity
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route

MATCHED = Route(100, matched=True)


def test_an_ab_test_gives_the_canary_all_matched_requests_at_once() -> None:
    story = Story(ab_test(3))

    state = story.run()

    assert story.router.history == [Route(), MATCHED, MATCHED, MATCHED, Route()]
    assert (state.cause, story.workload.primary_revision) == (Cause.PROMOTED, "v2")
    assert [message for message in story.messages if "iteration" in message] == [
        f"Advance ad.weather canary iteration {each}/3" for each in (1, 2, 3)
    ]


def test_an_ab_test_returns_at_once_whatever_the_promotion_step() -> None:
    story = Story(ab_test(1, promotion_step=10))

    story.run()

    assert story.router.history == [Route(), MATCHED, Route()]


def test_an_ab_test_can_be_sticky() -> None:
    story = Story(ab_test(1, affinity=SessionAffinity("canary")))

    story.run()

    assert story.router.history[1] == Route(100, matched=True, sticky=True)


def test_a_bad_version_is_rolled_back_from_an_ab_test() -> None:
    story = Story(ab_test(10))
    story.traffic.errors_percent[Arm.CANARY] = 25

    state = story.run()

    assert (state.cause, story.router.read(), state.iterations) == (Cause.CHECKS, Route(), 0)


def test_blue_green_switches_all_traffic_after_the_last_iteration() -> None:
    story = Story(blue_green(2))

    state = story.run()

    assert (state.cause, story.weights) == (Cause.PROMOTED, [0, 100, 0])
    assert "Routing all traffic to canary" in story.messages


def test_blue_green_asks_for_the_promotion_before_the_switch_and_after_it() -> None:
    story = Story(blue_green(1, hooks=(hook(HookType.CONFIRM_PROMOTION),)))

    story.run()

    assert story.called == ["confirm-promotion"] * 2


def test_blue_green_without_a_mesh_moves_no_traffic_before_the_promotion() -> None:
    story = Story(blue_green(2, provider="kubernetes", mirror_percent=100))

    state = story.run()

    assert (state.cause, set(story.router.history)) == (Cause.PROMOTED, {Route()})


def test_blue_green_can_mirror_while_it_tries() -> None:
    story = Story(blue_green(2, mirror_percent=100))

    story.run()

    mirrored = Route(mirrored=True)
    assert story.router.history == [Route(), mirrored, mirrored, Route(100), Route()]
    assert "Stop traffic mirroring and route all traffic to canary" in story.messages


def test_blue_green_waits_with_no_user_on_the_canary() -> None:
    waiting = blue_green(1, hooks=(hook(HookType.CONFIRM_PROMOTION),))
    story = Story(waiting, {HookType.CONFIRM_PROMOTION: [no(), YES]})

    story.until(Phase.WAITING_PROMOTION)

    assert story.weights == [0]
    assert story.tick().decision.state.weight == 100


def test_a_release_without_analysis_asks_no_hook_of_the_analysis() -> None:
    types = (HookType.PRE_ROLLOUT, HookType.ROLLOUT, HookType.CONFIRM_PROMOTION, HookType.POST_ROLLOUT)
    story = Story(plan(ab_test(hooks=tuple(map(hook, types))).analysis, skip_analysis=True))

    state = story.run()

    assert (state.cause, story.called, story.weights) == (Cause.PROMOTED, ["post-rollout"], [0])
    assert story.messages[-3:-1] == [
        "Promotion completed! Canary analysis was skipped for ad.weather",
        "Canary analysis was skipped, promotion finished.",
    ]


def test_a_release_without_analysis_waits_for_the_promoted_primary() -> None:
    story = Story(plan(skip_analysis=True))
    story.until(Phase.PROMOTING)
    story.workload.stall(Arm.PRIMARY, "bad image")

    state = story.run()

    assert (state.cause, state.route, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(100), Route(100))


def test_a_canary_that_never_comes_is_not_promoted_even_without_analysis() -> None:
    story = Story(plan(skip_analysis=True))
    story.tick()
    story.workload.stall(Arm.CANARY, "bad image")

    state = story.run()

    assert (state.cause, story.workload.primary_revision) == (Cause.NOT_READY, "v1")
