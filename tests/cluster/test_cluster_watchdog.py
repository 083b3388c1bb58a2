"""A release whose owner is gone is ended; one whose owner lives is left alone, however far the clocks are apart."""

import os
import signal
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster import mesh
from tests.cluster.api_server import ApiServer
from tests.cluster.releases import Stage
from tests.local_traffic import eventually
from workflows.cli import main
from workflows.cli import watchdog as watchdog_command
from workflows.clocks import MemoryClock, SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, CONFIG_MAP, EVENT, LEASE
from workflows.cluster.pen import FENCE
from workflows.errors import FencedError
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.states.cluster_lease import SKEW
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place
from workflows.watchdog import LEADER, LOOK_EVERY, Beat, ClusterWatchdog

BEAT = Beat(("test",), "test")
PLACE = Place("test", "ad")
STAGE_LEASE = timedelta(seconds=60)


class Shifted:
    """A clock that is wrong by so much, and told to move on."""

    def __init__(self, by: timedelta = timedelta()) -> None:
        self._clock, self.by = SystemClock(), by

    def now(self) -> datetime:
        return self._clock.now() + self.by

    def sleep(self, duration: timedelta) -> None:
        self.by += duration


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A release at 30 percent, its last stage over."""
    stage.set_image("v2")
    for words in (["start"], ["gate"], ["set-weight", "30"]):
        assert stage.stage(*words) == 0
    return stage


def look(watchdog: ClusterWatchdog, clock: Shifted, seconds: int) -> None:
    for _ in range(seconds // 2):
        watchdog.look()
        clock.sleep(LOOK_EVERY)
    watchdog.rest(timedelta(hours=1))


def test_the_traffic_of_an_orphaned_release_goes_home(stage: Stage) -> None:
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)

    look(watchdog, clock, 60 + 30)

    assert mesh.weights(stage.cluster)["ad-primary"] == 100
    assert (stage.status()["phase"], stage.lease()["spec"].get("holderIdentity")) == ("Failed", None)
    told = [event["message"] for event in stage.cluster.list(EVENT, "test")]
    assert any("its owner pipeline is gone" in message for message in told)


def test_an_owner_that_renews_its_lease_is_left_alone(stage: Stage) -> None:
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)
    for _ in range(4):
        look(watchdog, clock, 30)
        KubernetesStateStore(stage.cluster, PLACE, clock).acquire("pipeline", STAGE_LEASE)

    assert mesh.weights(stage.cluster)["ad"] == 30


@pytest.mark.parametrize("skew", [-SKEW, SKEW], ids=["behind", "ahead"])
def test_a_watchdog_whose_clock_is_wrong_takes_no_release_early(stage: Stage, skew: timedelta) -> None:
    clock = Shifted(skew)
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)

    look(watchdog, clock, 50)

    assert mesh.weights(stage.cluster)["ad"] == 30


def test_of_two_watchdogs_one_acts_and_the_other_takes_its_place(stage: Stage) -> None:
    clock = Shifted()
    first, second = (ClusterWatchdog(stage.cluster, BEAT, clock, name) for name in ("first", "second"))
    first.look()
    second.look()
    holder = (stage.cluster.get(LEASE, "test", LEADER) or {})["spec"]["holderIdentity"]

    look(second, clock, 60 + 30)

    assert holder == "first"
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_a_release_that_flagger_took_back_is_not_ours_to_end(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.cluster.patch(CANARY, "test", "ad", {"status": {"lastAppliedSpec": "5978589476"}}, "status")
    clock = Shifted()

    look(ClusterWatchdog(stage.cluster, BEAT, clock), clock, 90)

    assert mesh.weights(stage.cluster)["ad"] == 30
    assert caplog.text.count("not ours to end") == 1


def test_a_cluster_that_is_away_for_a_while_is_looked_at_again(stage: Stage, api: ApiServer) -> None:
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)
    watchdog.look()
    api.refuse("GET /apis/coordination.k8s.io", status=403)
    watchdog.look()

    look(watchdog, clock, 90)

    assert stage.status()["phase"] == "Failed"


def test_an_owner_that_could_not_renew_while_the_cluster_was_away_is_not_robbed(stage: Stage, api: ApiServer) -> None:
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)
    look(watchdog, clock, 10)
    api.refuse("GET /apis/coordination.k8s.io/v1/namespaces/test/leases/penstock.watchdog", status=410)
    look(watchdog, clock, 2)
    clock.sleep(timedelta(minutes=10))

    look(watchdog, clock, 50)

    assert mesh.weights(stage.cluster)["ad"] == 30


def test_one_lease_that_cannot_be_read_hides_no_other(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    clock = Shifted()
    broken = KubernetesStateStore(stage.cluster, Place("test", "aa"), clock)
    broken.acquire("run-1", STAGE_LEASE)
    stage.cluster.patch(LEASE, "test", "penstock-aa", {"metadata": {"annotations": {FENCE: "many"}}})

    look(ClusterWatchdog(stage.cluster, BEAT, clock), clock, 90)

    assert "lease penstock-aa is not ours" in caplog.text
    assert stage.status()["phase"] == "Failed"


def test_a_release_whose_record_cannot_be_read_is_named(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.cluster.patch(CONFIG_MAP, "test", "penstock-ad", {"data": {"canary.yaml": "kind: Canary"}})
    clock = Shifted()

    look(ClusterWatchdog(stage.cluster, BEAT, clock), clock, 70)

    assert "not ended yet: canary/ad -n test:" in caplog.text
    assert mesh.weights(stage.cluster)["ad"] == 30


def test_a_fresh_claimant_waits_for_a_minute_beyond_what_a_lease_says(cluster: Cluster) -> None:
    start = MemoryClock()
    KubernetesStateStore(cluster, PLACE, start).acquire("run-1", STAGE_LEASE)
    almost, later = (MemoryClock(start.now() + STAGE_LEASE + SKEW * part) for part in (0.9, 1))

    with pytest.raises(FencedError, match="held by run-1"):
        KubernetesStateStore(cluster, PLACE, almost).acquire("run-2", STAGE_LEASE)

    assert KubernetesStateStore(cluster, PLACE, later).acquire("run-2", STAGE_LEASE).owner == "run-2"


def test_a_lease_that_was_deleted_comes_back_under_a_higher_fence(cluster: Cluster) -> None:
    clock = MemoryClock()
    store = KubernetesStateStore(cluster, PLACE, clock)
    first = store.acquire("run-1", STAGE_LEASE)
    cluster.delete(LEASE, "test", "penstock-ad")
    clock.sleep(timedelta(seconds=5))

    assert store.acquire("run-1", STAGE_LEASE).fence > first.fence


def test_a_state_that_was_deleted_is_known_to_its_owner_and_written_again(cluster: Cluster) -> None:
    store = KubernetesStateStore(cluster, PLACE, MemoryClock(), "kind: Canary")
    lease, state = store.acquire("run-1", STAGE_LEASE), RolloutState(Phase.PROGRESSING, weight=20)
    store.save(state, lease)
    cluster.delete(CONFIG_MAP, "test", "penstock-ad")

    known = store.load()
    store.save(state, lease)

    assert known == state
    assert (store.load(), store.source()) == (state, "kind: Canary")


def watch(*words: str) -> int:
    return main(["watchdog", *words])


def test_the_command_watches_until_a_signal_comes(api: ApiServer, cluster: Cluster, tmp_path: Path) -> None:
    def stop_when_it_leads() -> None:
        eventually(lambda: cluster.get(LEASE, "test", LEADER))
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop_when_it_leads)
    stopper.start()

    code = watch("-n", "test", "--kubeconfig", str(api.kubeconfig(tmp_path)))

    stopper.join(10)
    assert code == 0


@pytest.mark.parametrize("words", [[], ["-n", "test", "--all-namespaces"]])
def test_where_to_watch_is_said_in_one_way(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert watch(*words) == 78

    assert "say where to watch" in capsys.readouterr().err


def test_all_namespaces_are_watched_from_the_pods_own(
    api: ApiServer, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "namespace"
    own.write_text("test\n")
    monkeypatch.setattr(watchdog_command, "_OWN_NAMESPACE", own)
    arguments = watchdog_command.make_parser().parse_args(["-A", "--kubeconfig", str(api.kubeconfig(tmp_path))])

    beat = watchdog_command._read_beat(arguments)
    ClusterWatchdog(cluster, beat, Shifted()).look()

    assert beat == Beat((), "test")
    assert cluster.get(LEASE, "test", LEADER)


def test_a_release_that_was_given_up_under_way_is_ended_after_a_while(stage: Stage) -> None:
    clock, store = Shifted(), KubernetesStateStore(stage.cluster, PLACE, SystemClock())
    store.release(store.acquire("pipeline", STAGE_LEASE))
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)

    look(watchdog, clock, 50)
    assert mesh.weights(stage.cluster)["ad-primary"] == 70

    look(watchdog, clock, 30)
    assert (mesh.weights(stage.cluster)["ad-primary"], stage.status()["phase"]) == (100, "Failed")


def test_a_release_under_way_whose_lease_was_deleted_is_ended_after_a_while(stage: Stage) -> None:
    stage.cluster.delete(LEASE, "test", "penstock-ad")
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)

    look(watchdog, clock, 50)
    assert mesh.weights(stage.cluster)["ad-primary"] == 70

    look(watchdog, clock, 30)
    assert (mesh.weights(stage.cluster)["ad-primary"], stage.status()["phase"]) == (100, "Failed")
    told = [event["message"] for event in stage.cluster.list(EVENT, "test")]
    assert any("nobody owns it while it is under way" in message for message in told)


def test_an_owner_whose_lease_was_deleted_takes_it_again_and_is_left_alone(stage: Stage) -> None:
    stage.cluster.delete(LEASE, "test", "penstock-ad")
    clock = Shifted()
    watchdog = ClusterWatchdog(stage.cluster, BEAT, clock)

    look(watchdog, clock, 40)
    KubernetesStateStore(stage.cluster, PLACE, clock).acquire("pipeline", STAGE_LEASE)
    look(watchdog, clock, 50)

    assert mesh.weights(stage.cluster)["ad-primary"] == 70


def test_records_that_cannot_be_read_keep_no_lease_from_being_looked_at(
    stage: Stage, api: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Shifted()
    api.refuse("GET /api/v1/configmaps", status=403, times=1000)

    look(ClusterWatchdog(stage.cluster, Beat((), "test"), clock), clock, 60 + 30)

    assert "told to say 403" in caplog.text
    assert mesh.weights(stage.cluster)["ad-primary"] == 100


def test_a_namespace_that_cannot_be_read_hides_no_other(stage: Stage, api: ApiServer) -> None:
    clock = Shifted()
    api.refuse("/namespaces/shop/leases", status=403, times=1000)
    watchdog = ClusterWatchdog(stage.cluster, Beat(("shop", "test"), "test"), clock)

    look(watchdog, clock, 60 + 30)

    assert mesh.weights(stage.cluster)["ad-primary"] == 100
