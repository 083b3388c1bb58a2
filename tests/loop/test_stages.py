"""A release stage by stage: the same end as the loop's, repeatable, and refused out of order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.rollout_story import INTERVAL, YES, Story, ab_test, analysis, asking, hook, no, plan
from webhooks.protocol import HookType
from workflows import stages
from workflows.errors import ConfigurationError, FencedError
from workflows.release import LEASE, Release, TickRecord
from workflows.rollout.phase import Phase
from workflows.rollout.plan import SessionAffinity
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm, Route

Stage = Callable[[Release], RolloutState]


def weight(percent: int) -> Stage:
    return lambda release: stages.set_weight(release, percent)


def undo(release: Release) -> RolloutState:
    return stages.rollback(release, Cause.ABORTED, "undone")


CLIMB: list[Stage] = [step for percent in (20, 40, 60, 80, 100) for step in (stages.gate, weight(percent))]
PIPELINE: list[Stage] = [
    stages.initialise,
    stages.start,
    *CLIMB,
    stages.gate,
    stages.promote,
    stages.shift_back,
    stages.finalise,
]


def follow(story: Story, pipeline: list[Stage], *, times: int = 1) -> RolloutState:
    for stage in pipeline:
        for _ in range(times):
            stage(story.release)
    return story.state


def essence(state: RolloutState) -> RolloutState:
    return replace(state, phase_since=None, counts=None)


def bad() -> Story:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 25
    return story


@pytest.mark.parametrize("tell", [Story, bad], ids=["good", "bad"])
def test_the_stages_in_order_come_to_the_same_end_as_the_loop(tell: Callable[[], Story]) -> None:
    looped, staged = tell(), tell()

    wanted, state = looped.run(), follow(staged, PIPELINE)

    assert essence(state) == essence(wanted)
    assert (staged.weights, staged.router.read()) == (looped.weights, looped.router.read())


@pytest.mark.parametrize("tell", [Story, bad], ids=["good", "bad"])
def test_a_stage_that_is_repeated_finds_its_work_done(tell: Callable[[], Story]) -> None:
    once, twice = tell(), tell()

    wanted, state = follow(once, PIPELINE), follow(twice, PIPELINE, times=2)

    assert essence(state) == essence(wanted)
    assert twice.weights == once.weights


@pytest.mark.parametrize("begun", range(1, 4), ids=["promote", "shift-back", "finalise"])
def test_a_promotion_under_way_is_completed_by_the_stages_from_the_start_on(begun: int) -> None:
    story = Story()
    follow(story, PIPELINE[: -4 + begun])
    assert stages.start(story.release) == story.state

    state = follow(story, PIPELINE[-3:])

    assert (state.phase, state.promoted_revision, story.router.read()) == (Phase.SUCCEEDED, "v2", Route())


def test_a_failed_release_moves_no_more_in_the_stages_that_follow() -> None:
    story = bad()
    ended = follow(story, PIPELINE[:5])
    moved = len(story.router.history)

    state = follow(story, PIPELINE[5:])

    assert ended.phase is Phase.FAILED
    assert (state, len(story.router.history)) == (ended, moved)


@pytest.mark.parametrize(
    ("phase", "stage", "needs"),
    [
        (Phase.INITIALIZING, "start", "a primary: run the stage 'initialise' first"),
        (Phase.INITIALIZED, "gate", "Progressing or WaitingPromotion"),
        (Phase.PROMOTING, "gate", "Progressing or WaitingPromotion"),
        (Phase.SUCCEEDED, "set-weight 40", "Progressing or WaitingPromotion"),
        (Phase.WAITING, "set-weight 40", "Progressing or WaitingPromotion"),
        (Phase.INITIALIZED, "promote", "Finalising or Progressing or Promoting or WaitingPromotion"),
        (Phase.PROGRESSING, "shift-back", "Finalising or Promoting"),
        (Phase.PROGRESSING, "finalise", "Finalising"),
    ],
)
def test_a_stage_out_of_order_names_the_phase_and_what_it_needs(phase: Phase, stage: str, needs: str) -> None:
    story = Story(deploy="")
    story.states.save(RolloutState(phase), story.release.acquire())
    run = {
        "start": stages.start,
        "gate": stages.gate,
        "set-weight 40": weight(40),
        "promote": stages.promote,
        "shift-back": stages.shift_back,
        "finalise": stages.finalise,
    }[stage]

    with pytest.raises(ConfigurationError) as raised:
        run(story.release)

    said = f"ad.weather: stage {stage!r} cannot run in phase {phase.value}; it needs {needs}"
    assert (str(raised.value), story.router.history) == (said, [])


@pytest.mark.parametrize("stage", [stages.start, stages.gate, weight(40), stages.promote, undo])
def test_a_fenced_owner_touches_nothing(stage: Stage) -> None:
    story = Story().at_weight(20)
    before = (list(story.router.history), story.state, len(story.messages))
    story.clock.sleep(LEASE)
    story.states.acquire("run-2", timedelta(hours=1))

    with pytest.raises(FencedError):
        stage(story.release)

    assert (story.router.history, story.state, len(story.messages)) == before


def test_a_start_waits_until_the_canary_is_ready() -> None:
    story = Story()
    stages.start(story.release)
    story.workload.stall(Arm.CANARY)
    seen: list[str] = []

    def recover(record: TickRecord) -> None:
        seen.append(record.decision.reason)
        story.workload.recover(Arm.CANARY)

    stages.start(story.release, recover)

    assert seen == ["canary deployment ad.weather not ready: 0 of 1 replicas are ready", "canary is ready"]


def test_a_start_with_nothing_to_release_says_where_the_release_stands() -> None:
    story = Story(deploy="")
    story.run()

    assert stages.start(story.release).phase is Phase.INITIALIZED


def test_a_start_waits_for_its_approval() -> None:
    story = Story(asking(HookType.CONFIRM_ROLLOUT), {HookType.CONFIRM_ROLLOUT: [no(), YES]})

    assert stages.start(story.release).phase is Phase.PROGRESSING


def test_the_first_gate_asks_the_tests_and_does_not_wait() -> None:
    story = Story(asking(HookType.PRE_ROLLOUT))
    stages.start(story.release)
    began = story.clock.now()

    stages.gate(story.release)

    assert (story.called, story.clock.now()) == (["pre-rollout"], began)


def test_a_gate_under_traffic_observes_for_an_interval_first() -> None:
    story = Story()
    follow(story, PIPELINE[:4])
    began, records = story.clock.now(), list[TickRecord]()

    stages.gate(story.release, records.append)

    assert story.clock.now() - began == INTERVAL
    assert records[0].window.canary.total == 200


def test_a_gate_that_fails_judges_again_until_it_passes() -> None:
    story = Story(asking(HookType.ROLLOUT), {HookType.ROLLOUT: [no(), no(), YES]})
    follow(story, PIPELINE[:4])

    state = stages.gate(story.release)

    assert (state.phase, state.failed_checks, state.weight) == (Phase.PROGRESSING, 2, 20)


@pytest.mark.parametrize("stage", [stages.gate, weight(60), stages.promote])
def test_a_pipeline_is_for_one_revision(stage: Stage) -> None:
    story = Story().at_weight(40)
    story.workload.deploy("v3")

    state = stage(story.release)

    assert (state.phase, state.cause, story.router.read()) == (Phase.FAILED, Cause.ABORTED, Route())
    assert (state.reason, story.workload.primary_revision) == ("revision v3 came in; start again with it", "v1")
    assert stages.start(story.release).revision == "v3"


@pytest.mark.parametrize("stage", [stages.start, stages.gate, weight(60), stages.promote])
def test_a_condemned_release_is_rolled_back_by_whatever_stage_comes_next(stage: Stage) -> None:
    story = Story().at_weight(40)
    condemned = replace(story.state, cause=Cause.CHECKS, reason="3 of 3 checks failed", failed_checks=3)
    story.states.save(condemned, story.release.acquire())

    state = stage(story.release)

    assert (state.phase, state.cause, state.reason) == (Phase.FAILED, Cause.CHECKS, "3 of 3 checks failed")
    assert story.router.read() == Route()


def test_a_set_weight_waits_for_an_obstacle_to_pass() -> None:
    story = Story()
    stages.start(story.release)
    story.workload.stall(Arm.CANARY)

    def recover(_: TickRecord) -> None:
        story.workload.recover(Arm.CANARY)

    state = stages.set_weight(story.release, 20, recover)

    assert (state.weight, story.weights) == (20, [0, 20])


def test_a_weight_that_is_set_is_sticky_where_sessions_are() -> None:
    story = Story(plan(analysis(affinity=SessionAffinity("canary"))))
    follow(story, [stages.start, weight(20), weight(0)])

    assert story.router.history[1:] == [Route(20, sticky=True), Route(0)]


def test_mirroring_is_switched_on_and_off() -> None:
    story = Story()
    stages.start(story.release)

    stages.mirror(story.release, on=True)
    stages.mirror(story.release, on=False)

    assert story.router.history[1:] == [Route(mirrored=True), Route()]


def test_a_promote_leaves_the_traffic_where_it_is() -> None:
    story = Story()
    follow(story, [stages.start, weight(50)])

    state = stages.promote(story.release)

    assert (state.phase, story.router.read(), story.workload.primary_revision) == (Phase.PROMOTING, Route(50), "v2")


def test_a_promote_waits_for_the_primary_and_gives_up_at_the_deadline() -> None:
    story = Story()
    follow(story, [stages.start, weight(50), stages.promote])
    story.workload.stall(Arm.PRIMARY, "crash loop")

    state = stages.promote(story.release)

    assert (state.phase, state.cause, story.router.read()) == (Phase.FAILED, Cause.PRIMARY_NOT_READY, Route(100))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (YES, "rollout hooks passed"),
        (no("p99 too high"), "rollout ask-rollout: p99 too high"),
    ],
)
def test_a_hook_stage_tells_what_the_hooks_said(answer: object, said: str) -> None:
    story = Story(asking(HookType.ROLLOUT), {HookType.ROLLOUT: [answer]})  # type: ignore[list-item] # an answer

    heard = stages.hook(story.release, HookType.ROLLOUT)

    assert (heard.passed, story.messages) == (answer is YES, [said])


def test_an_ab_test_can_be_driven_by_stages_to_its_promotion() -> None:
    story = Story(ab_test(2, hooks=(hook(HookType.ROLLOUT),)))
    follow(story, [stages.start, stages.gate])
    story.tick(2)

    state = follow(story, [stages.gate, stages.promote, stages.shift_back, stages.finalise])

    assert state.cause is Cause.PROMOTED


def reach(phase: Phase) -> Story:
    """Stand in a phase, on the way to a promotion or to a failure."""
    asked = asking(HookType.CONFIRM_ROLLOUT, HookType.CONFIRM_PROMOTION)
    closed = {Phase.WAITING: HookType.CONFIRM_ROLLOUT, Phase.WAITING_PROMOTION: HookType.CONFIRM_PROMOTION}
    story = Story(asked, {closed[phase]: [no()]} if phase in closed else None)
    if phase is Phase.INITIALIZING:
        return Story(deploy="")
    if phase is Phase.FAILED:
        story.traffic.errors_percent[Arm.CANARY] = 100
    if phase is Phase.PROGRESSING:
        return story.at_weight(60)
    story.until(phase)
    return story


@pytest.mark.parametrize("phase", list(Phase))
def test_a_finish_ends_safe_from_every_phase(phase: Phase) -> None:
    story = reach(phase)

    state = stages.finish(story.release, Cause.ABORTED, "the pipeline ended")

    assert (state.under_way, story.router.read()) == (False, Route())
    assert state.phase is {
        Phase.WAITING: Phase.FAILED,
        Phase.PROGRESSING: Phase.FAILED,
        Phase.WAITING_PROMOTION: Phase.FAILED,
        Phase.PROMOTING: Phase.SUCCEEDED,
        Phase.FINALISING: Phase.SUCCEEDED,
    }.get(phase, phase)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_second_finish_changes_nothing(phase: Phase) -> None:
    story = reach(phase)
    first = stages.finish(story.release, Cause.ABORTED, "the pipeline ended")
    moved = len(story.router.history)

    assert stages.finish(story.release, Cause.ABORTED, "again") == first
    assert len(story.router.history) == moved


def test_a_finish_does_not_wait_long_for_a_promotion_that_hangs() -> None:
    story = reach(Phase.PROMOTING)
    story.workload.stall(Arm.PRIMARY, "rolling")
    began = story.clock.now()

    state = stages.finish(story.release, Cause.ABORTED, "the pipeline ended")

    assert (state.phase, story.router.read()) == (Phase.FAILED, Route(100))
    assert story.clock.now() - began < timedelta(seconds=15)


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.FINALISING])
def test_a_rollback_after_the_primary_took_the_version_over_says_so_and_can_be_undone(phase: Phase) -> None:
    story = reach(phase)

    state = undo(story.release)
    again = undo(story.release)

    late = "undone; the primary has v2 already, set the target back to leave it"
    assert (state.phase, state.promoted_revision, state.reason) == (Phase.FAILED, "v2", late)
    assert again == state
    story.workload.deploy("v1")
    assert (story.run().cause, story.workload.primary_revision) == (Cause.PROMOTED, "v1")


def test_a_promoted_primary_that_died_and_came_back_is_left_by_setting_the_target_back() -> None:
    story = reach(Phase.PROMOTING)
    story.workload.stall(Arm.PRIMARY, "crash loop")
    assert (story.run().cause, story.router.read()) == (Cause.PRIMARY_NOT_READY, Route(100))
    story.workload.recover(Arm.PRIMARY)

    story.workload.deploy("v1")

    assert (story.run().cause, story.router.read(), story.workload.primary_revision) == (Cause.PROMOTED, Route(), "v1")


def test_a_rollback_names_who_asked_for_it() -> None:
    story = reach(Phase.PROGRESSING)

    state = stages.rollback(story.release, Cause.ABORTED, "the stage rollback was called")

    assert (state.phase, state.reason) == (Phase.FAILED, "the stage rollback was called")
