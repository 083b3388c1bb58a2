"""Whole releases over a workload in a cluster, everything else on paper: what machine and pods make together."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.workload_objects import HPA, NAMESPACE, Owner, autoscaler, config_map, deployment, image_of, plan
from workflows import loop
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import AUTOSCALER, CONFIG_MAP, DEPLOYMENT
from workflows.errors import ConfigurationError
from workflows.hooks.memory import MemoryHookCaller
from workflows.metrics.memory import MemoryMetrics, MemoryTraffic
from workflows.notifiers.memory import MemoryEvents, MemoryNotifier
from workflows.ports import Platform
from workflows.records import TickRecord
from workflows.release import Release
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route
from workflows.routers.memory import MemoryRouter
from workflows.states.memory import MemoryStateStore

POD = {"containers": [{"name": "ad", "image": "ad:v1", "envFrom": [{"configMapRef": {"name": "settings"}}]}]}


class Story:
    """A service in a cluster that has been initialised, and its next releases."""

    def __init__(self, cluster: Cluster, kubelet: Kubelet, **settings: object) -> None:
        self.owner = Owner(cluster, plan(progress_deadline=timedelta(seconds=3), **settings))
        self.kubelet = kubelet
        self.router = MemoryRouter()
        self.events = MemoryEvents()
        clock = self.owner.clock
        platform = Platform(
            clock=clock,
            router=self.router,
            workload=self.owner.workload,
            counter=MemoryTraffic(clock, self.router),
            metrics=MemoryMetrics(),
            hooks=MemoryHookCaller(),
            states=MemoryStateStore("ad.test", clock),
            events=self.events,
            notifier=MemoryNotifier(),
        )
        self.release = Release(platform, self.owner.plan, "test")
        self.owner.apply(CONFIG_MAP, config_map("settings"))
        self.owner.apply(DEPLOYMENT, deployment(pod=POD))
        self.owner.apply(AUTOSCALER, autoscaler())
        self.kubelet.settle()

    def run(self, at: Callable[[TickRecord], object] = lambda _: None) -> RolloutState:
        """Release what is new; `at` may interfere after each tick, the cluster comes to rest then."""

        def watch(record: TickRecord) -> None:
            at(record)
            self.kubelet.settle()

        return loop.run(self.release, watch)


@pytest.fixture
def story(cluster: Cluster, kubelet: Kubelet) -> Story:
    story = Story(cluster, kubelet)
    story.run()
    return story


def once_at(weight: int, action: Callable[[], object]) -> Callable[[TickRecord], None]:
    """Do something at the first tick that leaves the canary with a weight."""
    done: list[object] = []

    def at(record: TickRecord) -> None:
        if record.decision.state.weight == weight and not done:
            done.append(action())

    return at


def test_a_first_deployment_moves_to_the_primary(story: Story) -> None:
    assert story.release.state().phase is Phase.INITIALIZED
    assert image_of(story.owner.read(DEPLOYMENT, "ad-primary")) == "ad:v1"
    assert story.owner.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 0


def test_a_first_primary_that_takes_its_time_is_waited_for_in_flaggers_words(
    cluster: Cluster, kubelet: Kubelet
) -> None:
    story = Story(cluster, kubelet)
    kubelet.ready_after("ad-primary", 3)

    story.run()

    lack = "ad-primary.test not ready: waiting for rollout to finish: 0 of 2 updated replicas are available"
    assert story.events.messages[0] == lack
    assert "Initialization done! ad.test" in story.events.messages


def test_a_good_version_is_promoted_and_the_canary_goes(story: Story) -> None:
    story.owner.release("ad:v2")

    state = story.run()

    assert state.phase is Phase.SUCCEEDED
    assert image_of(story.owner.read(DEPLOYMENT, "ad-primary")) == "ad:v2"
    assert (story.owner.read(DEPLOYMENT, "ad")["spec"]["replicas"], story.router.read()) == (0, Route())


def test_a_changed_config_is_released_like_a_version(story: Story) -> None:
    story.owner.set_config("settings", limit="2")

    assert story.run().cause is Cause.PROMOTED
    assert story.owner.read(CONFIG_MAP, "settings-primary")["data"] == {"limit": "2"}


def test_what_was_released_or_failed_is_not_released_again(story: Story) -> None:
    story.kubelet.give("ad", Fate.STUCK)
    story.owner.release("ad:v2")
    failed = story.run()

    assert failed.cause is Cause.NOT_READY
    assert story.run() == failed


def test_a_version_whose_pods_never_come_up_never_gets_traffic(story: Story) -> None:
    story.kubelet.give("ad", Fate.OVERDUE)
    story.owner.release("ad:v2")

    state = story.run()

    assert (state.phase, state.cause) == (Phase.FAILED, Cause.NOT_READY)
    assert {route.canary_percent for route in story.router.history} == {0}
    assert image_of(story.owner.read(DEPLOYMENT, "ad-primary")) == "ad:v1"


def test_without_analysis_a_bad_image_leaves_the_primary_alone(cluster: Cluster, kubelet: Kubelet) -> None:
    story = Story(cluster, kubelet, skip_analysis=True)
    story.run()
    story.kubelet.give("ad", Fate.OVERDUE)
    story.owner.release("ad:v2")

    assert story.run().phase is Phase.FAILED
    assert image_of(story.owner.read(DEPLOYMENT, "ad-primary")) == "ad:v1"


def test_a_target_deleted_in_mid_release_takes_the_traffic_home(story: Story) -> None:
    story.owner.release("ad:v2")

    with pytest.raises(ConfigurationError, match="Deployment ad in test: not found"):
        story.run(once_at(50, lambda: story.owner.cluster.delete(DEPLOYMENT, NAMESPACE, "ad")))

    assert (story.router.read(), story.release.state().phase) == (Route(), Phase.FAILED)


def test_a_config_deleted_in_mid_release_takes_the_traffic_home(story: Story) -> None:
    story.owner.release("ad:v2")
    lose = once_at(50, lambda: story.owner.cluster.delete(CONFIG_MAP, NAMESPACE, "settings"))

    state = story.run(lose)

    assert (state.cause, story.router.read()) == (Cause.NOT_READY, Route())
    assert "ConfigMap settings: not found, and its pods need it" in state.reason


def test_a_primary_that_crashes_while_promoting_leaves_the_traffic_with_the_canary(story: Story) -> None:
    story.owner.release("ad:v2")

    def at(record: TickRecord) -> None:
        if record.decision.state.phase is Phase.PROMOTING:
            story.kubelet.give("ad-primary", Fate.OVERDUE)

    state = story.run(at)

    assert (state.phase, state.cause) == (Phase.FAILED, Cause.PRIMARY_NOT_READY)
    assert (story.router.read(), story.owner.read(DEPLOYMENT, "ad")["spec"]["replicas"]) == (Route(100), 2)


def test_the_primary_is_held_at_its_size_while_the_canary_has_traffic(cluster: Cluster, kubelet: Kubelet) -> None:
    story = Story(cluster, kubelet, autoscaler=HPA)
    story.run()
    cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"spec": {"replicas": 6}})
    kubelet.settle()
    story.owner.release("ad:v2")
    held: list[int] = []

    story.run(once_at(50, lambda: held.append(story.owner.read(AUTOSCALER, "ad-primary")["spec"]["minReplicas"])))

    assert held == [6]
    assert story.owner.read(AUTOSCALER, "ad-primary")["spec"]["minReplicas"] == 1
    assert story.owner.read(DEPLOYMENT, "ad-primary")["spec"]["replicas"] == 6
