"""Whole releases whose traffic moves through the cluster's own objects, and people who put their hands in."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.cluster import routing
from tests.cluster.api_server import ApiServer
from tests.cluster.routing import MIRRORING, SPLITTING, Scene
from tests.rollout_story import Story
from workflows.cluster.client import Cluster
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.rollout.traffic import Route
from workflows.stages import drive, rests

LADDER = [Route(percent) for percent in (0, 20, 40, 60, 80, 100)]


@pytest.fixture
def scene(cluster: Cluster) -> Scene:
    return routing.set_up(cluster, "istio")


def release(scene: Scene, meanwhile: Callable[[int], object] = lambda _: None) -> tuple[RolloutState, list[Route], str]:
    """Release v2; `meanwhile` is told the weight after every tick. Gives the end, the splits seen and what was said."""
    story, seen = Story(scene.plan), list[Route]()
    story.plug(router=scene.router())

    def watch(_: object) -> None:
        route = scene.router().read()
        if not seen or seen[-1] != route:
            seen.append(route)
        meanwhile(route.canary_percent)

    return drive(story.release, rests, watch), seen, "\n".join(story.messages)


def once(weight: int, action: Callable[[], object]) -> Callable[[int], object]:
    """Do something the first time that the canary has a weight."""
    left = [action]
    return lambda percent: left.pop()() if left and percent == weight else None


@pytest.mark.parametrize("provider", SPLITTING)
def test_a_release_climbs_and_goes_home_on_every_mesh(cluster: Cluster, provider: str) -> None:
    state, seen, _ = release(routing.set_up(cluster, provider))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [*LADDER, Route()]


@pytest.mark.parametrize("provider", MIRRORING)
def test_a_release_copies_requests_before_it_splits_them(cluster: Cluster, provider: str) -> None:
    state, seen, _ = release(routing.set_up(cluster, provider, routing.MIRROR))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [Route(), Route(mirrored=True), *LADDER[1:], Route()]


def test_users_stay_with_their_arm_while_the_release_climbs(cluster: Cluster) -> None:
    state, seen, _ = release(routing.set_up(cluster, "istio", routing.STICKY))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [Route(), *(replace(route, sticky=True) for route in LADDER[1:]), Route()]


def test_an_a_b_test_runs_its_iterations(cluster: Cluster) -> None:
    state, seen, _ = release(routing.set_up(cluster, "contour", routing.MATCH))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [Route(), Route(100, matched=True), Route()]


def test_blue_green_without_a_mesh_moves_nothing_before_the_promotion(cluster: Cluster) -> None:
    state, seen, _ = release(routing.set_up(cluster, "kubernetes"))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [Route()]


def test_less_than_was_set_sends_the_release_back_to_its_beginning(scene: Scene) -> None:
    state, seen, said = release(scene, once(40, lambda: scene.router().shift(Route(10))))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [*LADDER[:3], *LADDER, Route()]
    assert "canary weight is 10 where 40 was set, starting again from 0" in said


def test_more_than_was_set_is_taken_away_again(scene: Scene) -> None:
    state, seen, said = release(scene, once(40, lambda: scene.router().shift(Route(90))))

    assert state.phase is Phase.SUCCEEDED
    assert seen == [*LADDER, Route()]
    assert "canary weight is 90 where 40 was set, setting it again" in said


def test_a_route_that_was_deleted_sends_the_release_back_to_its_beginning(scene: Scene) -> None:
    delete = scene.cluster.delete
    _, seen, said = release(scene, once(40, lambda: delete(scene.dialect.kind, scene.namespace, scene.name)))

    assert seen == [*LADDER[:3], *LADDER, Route()]
    assert "canary weight is 0 where 40 was set" in said


def test_weights_that_somebody_sets_between_look_and_write_are_looked_at_again(scene: Scene, api: ApiServer) -> None:
    path = scene.dialect.kind.path(scene.namespace, scene.name)
    theirs = scene.router()

    def put_hands_in() -> None:
        api.meanwhile(f"PUT {path}", lambda: theirs.shift(Route(5)))

    state, seen, said = release(scene, once(40, put_hands_in))

    assert state.phase is Phase.SUCCEEDED
    assert "somebody set canary weight 5 where 40 was read; decide again" in said
    assert seen == [*LADDER[:3], *LADDER, Route()]
