"""What a stage that sets a route begins: the first iteration, where a release moves by iterations."""

import pytest

from tests.rollout_story import Story, ab_test, blue_green, plan
from workflows import stages
from workflows.rollout.plan import RolloutPlan


@pytest.mark.parametrize(
    ("released", "percent", "iterations"), [(ab_test(), 100, 1), (blue_green(), 0, 1), (plan(), 20, 0)]
)
def test_a_route_begins_the_first_iteration_of_what_moves_by_them(
    released: RolloutPlan, percent: int, iterations: int
) -> None:
    story = Story(released)
    stages.start(story.release)

    for _ in range(2):
        stages.set_weight(story.release, percent)

    assert (story.state.weight, story.state.iterations) == (percent, iterations)
    assert story.state.started
