"""The canary strategy: steps of weight, judged by metrics, promoted or rolled back."""

from datetime import timedelta

import pytest

from tests.rollout_story import Story, analysis, plan
from workflows import stages
from workflows.rollout.phase import Phase
from workflows.rollout.plan import SessionAffinity
from workflows.rollout.state import Cause
from workflows.rollout.traffic import Arm, Route


def test_a_good_version_rises_step_by_step_and_is_promoted() -> None:
    story = Story()

    state = story.run()

    assert (state.phase, state.cause, story.weights) == (Phase.SUCCEEDED, Cause.PROMOTED, [0, 20, 40, 60, 80, 100, 0])
    assert (story.workload.primary_revision, state.promoted_revision) == ("v2", "v2")
    assert not story.workload.readiness(Arm.CANARY).ready


def test_a_bad_version_loses_its_traffic_at_the_third_failed_check() -> None:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 25

    state = story.run()

    assert (state.phase, state.cause, story.weights) == (Phase.FAILED, Cause.CHECKS, [0, 20, 0])
    assert state.failed_checks == 3
    assert state.reason == "3 of 3 checks failed, the last one: success rate 75.00% < 95% (50 of 200 failed)"


def test_the_rollback_comes_with_the_check_that_reaches_the_threshold() -> None:
    story = Story().at_weight(20)
    story.traffic.errors_percent[Arm.CANARY] = 25

    phases = [story.tick().decision.state.phase for _ in range(3)]

    assert phases == [Phase.PROGRESSING, Phase.PROGRESSING, Phase.FAILED]


@pytest.mark.parametrize(
    ("weights", "seen"),
    [
        ((20, 40, 50), [0, 20, 40, 50, 0]),
        ((50, 100), [0, 50, 100, 0]),
        ((1, 2, 10, 80), [0, 1, 2, 10, 80, 0]),
        ((100,), [0, 100, 0]),
    ],
)
def test_the_ladder_is_climbed_as_it_stands(weights: tuple[int, ...], seen: list[int]) -> None:
    story = Story(plan(analysis(weights=weights)))

    story.run()

    assert story.weights == seen


def test_traffic_returns_to_the_promoted_primary_in_steps() -> None:
    story = Story(plan(analysis(weights=(100,), promotion_step=50)))

    story.run()

    assert story.weights == [0, 100, 50, 0]
    assert "Advance ad.weather primary weight 50" in story.messages


def test_failed_checks_are_counted_over_the_whole_analysis() -> None:
    story = Story(plan(analysis(weights=tuple(range(1, 101))))).at_weight(1)

    for errors in (25, 0, 25, 0, 25):
        story.traffic.errors_percent[Arm.CANARY] = errors
        story.tick()

    assert (story.state.phase, story.state.failed_checks) == (Phase.FAILED, 3)


def test_a_slow_version_is_rolled_back_by_its_p99() -> None:
    story = Story()
    story.traffic.latency_ms[Arm.CANARY] = 900

    state = story.run()

    assert state.cause is Cause.CHECKS
    assert "request duration p99 995ms > 500ms (200 requests)" in state.reason


def test_the_mirrored_step_comes_before_the_first_weight() -> None:
    story = Story(plan(analysis(mirror_percent=100)))

    story.run()

    assert story.router.history[1:3] == [Route(mirrored=True), Route(20)]


def test_a_mirrored_version_is_judged_before_it_gets_users() -> None:
    story = Story(plan(analysis(mirror_percent=100)))
    story.traffic.errors_percent[Arm.CANARY] = 25

    state = story.run()

    assert (state.cause, story.weights) == (Cause.CHECKS, [0])


def test_session_affinity_makes_every_split_sticky() -> None:
    story = Story(plan(analysis(weights=(50, 100), promotion_step=60, affinity=SessionAffinity("canary"))))

    story.run()

    assert story.router.history == [
        Route(),
        Route(50, sticky=True),
        Route(100, sticky=True),
        Route(40, sticky=True),
        Route(),
    ]


def test_a_tick_judges_exactly_what_happened_since_the_last_one() -> None:
    story = Story(plan(analysis(threshold=9))).at_weight(20)
    story.traffic.errors_percent[Arm.CANARY] = 100
    failed = story.tick()
    story.traffic.errors_percent[Arm.CANARY] = 0

    passed = story.tick()

    assert (failed.window.canary.errors, failed.window.canary.total) == (200, 200)
    assert (passed.window.canary.errors, passed.window.canary.total) == (0, 200)


def test_a_release_takes_an_interval_for_each_step_and_little_more() -> None:
    story = Story()
    began = story.clock.now()

    story.run()

    observed = 6 * story.release.plan.analysis.interval  # five steps judged, and one interval on the way back
    assert observed < story.clock.now() - began < observed + timedelta(seconds=5)


def test_a_weight_between_two_steps_goes_on_to_the_next_step() -> None:
    story = Story().at_weight(20)
    stages.set_weight(story.release, 33)

    story.run()

    assert story.weights == [0, 20, 33, 40, 60, 80, 100, 0]
