"""What keeps a tick from judging: an arm that is not ready, another revision, a route set by somebody else."""

import pytest

from tests.rollout_story import BOUND, YES, Story, ab_test, analysis, asking, no, plan
from webhooks.protocol import HookType
from workflows.rollout.decision import Scale, Shift
from workflows.rollout.phase import Phase
from workflows.rollout.plan import NoDataPolicy
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route


def test_a_canary_that_is_not_ready_is_waited_for_and_not_counted() -> None:
    story = Story()
    story.tick()
    story.workload.stall(Arm.CANARY, "0 of 1 replicas are ready")

    record = story.tick()

    assert (record.decision.state.failed_checks, record.decision.verdict) == (0, None)
    assert story.messages[-1] == "canary deployment ad.weather not ready: 0 of 1 replicas are ready"


def test_a_canary_that_never_becomes_ready_ends_the_release() -> None:
    story = Story(asking(HookType.POST_ROLLOUT))
    story.tick()
    story.workload.stall(Arm.CANARY, "image cannot be pulled")

    state = story.run()

    assert (state.phase, state.cause) == (Phase.FAILED, Cause.NOT_READY)
    assert state.reason == "no progress for 60s: image cannot be pulled"
    assert story.alerts[-1][0] == "ERROR"
    assert story.hooks.calls[-1].payload.phase == "Failed"


def test_a_canary_that_dies_under_traffic_loses_it_at_once() -> None:
    story = Story().at_weight(40)
    story.workload.stall(Arm.CANARY, "crashed")

    record = story.tick()

    assert (story.router.read(), record.decision.state.failed_checks) == (Route(), 1)
    assert story.messages[-1] == "Halt ad.weather advancement canary has no ready endpoint: crashed"


def test_a_canary_that_comes_back_starts_again_from_nothing() -> None:
    story = Story(asking(HookType.PRE_ROLLOUT)).at_weight(40)
    story.workload.stall(Arm.CANARY)
    story.tick()
    story.workload.recover(Arm.CANARY)

    state = story.run()

    assert (state.cause, state.failed_checks) == (Cause.PROMOTED, 1)
    assert story.weights == [0, 20, 40, 0, 20, 40, 60, 80, 100, 0]
    assert story.called.count("pre-rollout") == 2


def test_a_canary_that_dies_too_often_is_rolled_back() -> None:
    story = Story(plan(analysis(threshold=1))).at_weight(20)
    story.workload.stall(Arm.CANARY, "crashed")

    state = story.tick().decision.state

    assert (state.cause, story.router.read()) == (Cause.CHECKS, Route())
    assert state.reason == "1 of 1 checks failed, the last one: canary has no ready endpoint: crashed"


def test_a_canary_that_dies_where_the_primary_is_dead_too_stays_where_it_is() -> None:
    story = Story(plan(skip_analysis=True)).at_weight(0)
    story.tick()
    story.router.shift(Route(40))
    story.workload.stall(Arm.CANARY)
    story.workload.stall(Arm.PRIMARY)

    record = story.tick()

    assert (record.decision.actions, record.decision.state.failed_checks) == ((), 1)


def test_users_of_a_dead_primary_are_served_by_the_canary() -> None:
    story = Story().at_weight(40)
    story.workload.stall(Arm.PRIMARY, "node lost")

    record = story.tick()

    assert (story.router.read(), record.decision.state.failed_checks) == (Route(100), 0)
    assert story.messages[-1] == "Halt ad.weather advancement primary has no ready endpoint: node lost"
    story.tick()
    assert story.router.history[-1] == Route(100)
    assert story.messages[-1] == "ad-primary.weather not ready: node lost"


def test_users_return_to_a_primary_that_comes_back_and_the_analysis_starts_again() -> None:
    story = Story().at_weight(40)
    story.workload.stall(Arm.PRIMARY)
    story.tick(2)
    story.workload.recover(Arm.PRIMARY)

    state = story.run()

    assert story.weights == [0, 20, 40, 100, 0, 20, 40, 60, 80, 100, 0]
    assert (state.cause, state.failed_checks) == (Cause.PROMOTED, 0)
    assert "Primary of ad.weather is ready again, routing all traffic to it" in story.messages


def test_a_primary_that_stays_away_ends_the_release_on_the_arm_that_serves() -> None:
    story = Story().at_weight(40)
    story.workload.stall(Arm.PRIMARY, "node lost")

    state = story.run()

    assert (state.cause, state.route, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(100), Route(100))
    assert story.workload.readiness(Arm.CANARY).ready
    assert story.messages[-2:] == [
        "Rolling back ad.weather primary not ready: node lost",
        "Canary failed! All traffic is on the canary of ad.weather, which stays up",
    ]


def test_traffic_stays_where_it_is_while_nobody_can_serve_it() -> None:
    story = Story().at_weight(40)
    for arm in Arm:
        story.workload.stall(arm)

    state = story.run()

    assert (state.cause, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(40))
    assert story.messages[-1].endswith("Neither arm of ad.weather has a ready endpoint, traffic stays as it is")


def test_a_new_revision_restarts_the_analysis_without_traffic() -> None:
    story = Story().at_weight(60)
    story.workload.deploy("v3")

    state = story.tick().decision.state

    assert (state.weight, state.revision, story.router.read()) == (0, "v3", Route())
    assert story.messages[-1] == "New revision detected! Restarting analysis for ad.weather"
    assert story.run().promoted_revision == "v3"


def test_a_restart_lets_the_canary_start_again_with_what_has_changed() -> None:
    story = Story().at_weight(60)
    story.workload.deploy("v3")

    assert story.tick().decision.actions == (Shift(Route()), Scale(Arm.CANARY, up=True))


def test_a_restart_forgets_failed_checks() -> None:
    story = Story().at_weight(20)
    story.traffic.errors_percent[Arm.CANARY] = 25
    story.tick(2)
    story.workload.deploy("v3")

    assert story.tick().decision.state.failed_checks == 0


def test_a_new_revision_mid_analysis_needs_its_own_approval() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [YES, no(), YES]}).at_weight(40)
    story.workload.deploy("v3")

    phases = [story.tick().decision.state.phase for _ in range(3)]

    assert phases == [Phase.WAITING, Phase.WAITING, Phase.PROGRESSING]
    assert story.router.read() == Route()


def test_a_new_revision_found_where_the_primary_is_dead_moves_no_traffic() -> None:
    story = Story(plan(skip_analysis=True))
    story.tick()
    story.workload.stall(Arm.PRIMARY)
    story.workload.deploy("v3")

    record = story.tick()

    assert (record.decision.actions, record.decision.state.revision) == ((Scale(Arm.CANARY, up=True),), "v3")


def test_traffic_that_somebody_took_off_the_canary_is_climbed_to_again() -> None:
    story = Story().at_weight(60)
    story.router.shift(Route(10))

    story.run()

    assert "Halt ad.weather advancement canary weight is 10 where 60 was set, starting again from 0" in story.messages
    assert story.weights == [0, 20, 40, 60, 10, 0, 20, 40, 60, 80, 100, 0]


def test_traffic_that_somebody_added_to_the_canary_is_taken_away_again() -> None:
    story = Story().at_weight(20)
    story.router.shift(Route(90))

    story.tick()

    assert (story.router.read(), story.state.weight, story.state.failed_checks) == (Route(20), 20, 0)
    assert story.messages[-1] == ("Halt ad.weather advancement canary weight is 90 where 20 was set, setting it again")


def test_users_that_were_left_on_the_canary_go_home_before_its_next_version_is_approved() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [YES, no()]}).at_weight(40)
    story.workload.stall(Arm.PRIMARY)
    assert (story.run().cause, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(100))
    story.workload.recover(Arm.PRIMARY)
    story.workload.deploy("v3")

    story.tick(2)
    assert (story.state.phase, story.router.read()) == (Phase.WAITING, Route())

    story.workload.deploy("v1")
    story.run()
    assert (story.state.phase, story.workload.readiness(Arm.CANARY).reason) == (Phase.INITIALIZED, "scaled to zero")


def test_users_leave_a_canary_that_gets_another_version_while_the_proved_one_is_promoted() -> None:
    story = Story(plan(analysis(promotion_step=20)))
    story.until(lambda state: state.phase is Phase.PROMOTING and state.weight < 100)
    story.workload.deploy("v3")

    story.tick()

    assert (story.state.phase, story.router.read()) == (Phase.PROMOTING, Route())
    assert "New revision of ad.weather while promoting, routing all traffic to the primary" in story.messages


def test_a_climb_that_begins_anew_has_its_whole_deadline_for_approvals() -> None:
    asked = asking(HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION)
    story = Story(asked, {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    story.tick(20)
    story.workload.stall(Arm.CANARY)
    story.tick()
    story.workload.recover(Arm.CANARY)

    assert story.state.held_since is None


@pytest.mark.parametrize("found", [90, 0])
def test_somebody_who_goes_on_moving_the_traffic_ends_the_release(found: int) -> None:
    story = Story().at_weight(20)

    for _ in range(BOUND):
        if story.state.phase is not Phase.PROGRESSING:
            break
        if story.state.weight == 20:
            story.router.shift(Route(found))
        story.tick()

    assert (story.state.cause, story.state.failed_checks, story.router.read()) == (Cause.CHECKS, 3, Route())
    assert story.state.reason == f"3 of 3 checks failed, the last one: canary weight is {found} where 20 was set"


@pytest.mark.parametrize(("found", "asked"), [(Route(100), Route(100, matched=True)), (Route(100, sticky=True), None)])
def test_a_route_that_lost_its_kind_is_set_again(found: Route, asked: Route | None) -> None:
    story = Story(ab_test(5)) if asked else Story()
    story.at_weight(100)
    story.router.shift(found)

    story.tick()

    assert story.router.read() == (asked or Route(100))


def test_no_traffic_at_all_fails_the_check_as_inconclusive() -> None:
    story = Story()
    story.traffic.silent = True

    state = story.run()

    assert (state.cause, state.failed_checks, state.inconclusive_checks) == (Cause.NO_DATA, 3, 3)
    assert "no values found for metric request-success-rate: the canary is not receiving traffic" in state.reason


def test_checks_that_failed_for_different_reasons_are_a_failure_by_checks() -> None:
    story = Story().at_weight(20)
    story.traffic.errors_percent[Arm.CANARY] = 25
    story.tick()
    story.traffic.silent = True

    state = story.run()

    assert (state.cause, state.inconclusive_checks) == (Cause.CHECKS, 2)


def test_no_data_can_hold_the_release_until_the_deadline() -> None:
    story = Story(plan(no_data=NoDataPolicy.HOLD)).at_weight(20)
    story.traffic.silent = True

    state = story.run()

    assert (state.cause, state.failed_checks, state.inconclusive_checks) == (Cause.NO_DATA, 0, 0)
    assert story.weights == [0, 20, 0]


@pytest.mark.parametrize("errors", [0, 10])
def test_data_that_comes_back_ends_the_blindness(errors: int) -> None:
    story = Story(plan(no_data=NoDataPolicy.HOLD)).at_weight(20)
    story.traffic.silent = True
    story.tick(2)
    story.traffic.silent = False
    story.traffic.errors_percent[Arm.CANARY] = errors

    blind = story.state.blind_since
    state = story.tick().decision.state

    assert blind is not None
    assert state.blind_since is None


def waiting_for_promotion(*more: HookType) -> Story:
    story = Story(asking(HookType.CONFIRM_PROMOTION, *more), {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    return story


@pytest.mark.parametrize(
    ("more", "phase"), [((), Phase.PROGRESSING), ((HookType.CONFIRM_ROLLOUT,), Phase.WAITING)], ids=["open", "gated"]
)
def test_a_new_revision_ends_the_wait_for_a_promotion(more: tuple[HookType, ...], phase: Phase) -> None:
    story = waiting_for_promotion(*more)
    story.hooks.script = {HookType.CONFIRM_ROLLOUT: [no()]}
    story.workload.deploy("v3")

    state = story.tick().decision.state

    assert (state.phase, state.revision, story.router.read()) == (phase, "v3", Route())


@pytest.mark.parametrize(("arm", "route"), [(Arm.CANARY, Route()), (Arm.PRIMARY, Route(100))])
def test_a_dead_arm_ends_the_wait_for_a_promotion(arm: Arm, route: Route) -> None:
    story = Story(asking(HookType.CONFIRM_PROMOTION, of=analysis(weights=(50,))), {HookType.CONFIRM_PROMOTION: [no()]})
    story.until(Phase.WAITING_PROMOTION)
    story.workload.stall(arm)

    state = story.tick().decision.state

    assert (state.phase, state.weight, story.router.read()) == (Phase.PROGRESSING, 0, route)


def test_going_back_to_the_promoted_revision_mid_analysis_is_a_new_revision_too() -> None:
    story = Story().at_weight(60)
    story.workload.deploy("v1")

    record = story.tick()

    assert (record.decision.state.weight, record.decision.state.revision) == (0, "v1")
