"""How a cluster keeps a release: what stands in its objects, and what is done where they are not as we left them."""

import json
from datetime import timedelta

import pytest

from tests.cluster import releases
from tests.cluster.api_server import ApiServer
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, CONFIG_MAP, LEASE, Manifest
from workflows.cluster.pen import FENCE
from workflows.errors import ConfigurationError, ConflictError, FencedError
from workflows.ports import Lease
from workflows.rollout.order import Command, Order
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.states import canary_status
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place

MINUTE = timedelta(minutes=1)
NAME = "penstock-ad"


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def store(cluster: Cluster, clock: MemoryClock) -> KubernetesStateStore:
    return KubernetesStateStore(cluster, Place("test", "ad"), clock, "kind: Canary")


def lease(cluster: Cluster) -> Manifest:
    return cluster.get(LEASE, "test", NAME) or {}


def test_the_lease_says_who_owns_the_release(cluster: Cluster, store: KubernetesStateStore, clock: MemoryClock) -> None:
    first = store.acquire("run-1", MINUTE)
    store.release(first)
    clock.sleep(MINUTE)

    second = store.acquire("run-2", timedelta(seconds=1.5))

    spec = lease(cluster)["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("run-2", 2, 1)
    assert spec["acquireTime"] == spec["renewTime"] == "2026-01-01T00:01:00.000000Z"
    assert lease(cluster)["metadata"]["annotations"][FENCE] == str(second.fence)


def test_a_renewal_keeps_the_time_at_which_the_lease_was_acquired(
    cluster: Cluster, store: KubernetesStateStore, clock: MemoryClock
) -> None:
    store.acquire("run-1", MINUTE)
    clock.sleep(timedelta(seconds=5))

    store.acquire("run-1", MINUTE)

    spec = lease(cluster)["spec"]
    assert (spec["acquireTime"][17:19], spec["renewTime"][17:19]) == ("00", "05")


def test_the_record_holds_the_state_and_the_canary_that_it_is_decided_by(
    cluster: Cluster, store: KubernetesStateStore
) -> None:
    store.save(RolloutState(Phase.PROGRESSING, weight=20), store.acquire("run-1", MINUTE))

    data = (cluster.get(CONFIG_MAP, "test", NAME) or {})["data"]
    state = json.loads(data["state.json"])
    assert (state["key"], state["version"], state["phase"], state["weight"]) == ("ad.test", 1, "Progressing", 20)
    assert store.source() == data["canary.yaml"] == "kind: Canary"


def test_a_late_writer_is_shut_out_although_it_checked_its_lease_in_time(
    api: ApiServer, cluster: Cluster, store: KubernetesStateStore, clock: MemoryClock
) -> None:
    late = store.acquire("run-1", MINUTE)
    store.save(RolloutState(weight=20), late)
    other = KubernetesStateStore(cluster, Place("test", "ad"), clock)
    api.meanwhile("PUT /api/v1/namespaces/test/configmaps", lambda: other.acquire("run-2", MINUTE, by_force=True))

    with pytest.raises(FencedError):
        store.save(RolloutState(weight=40), late)

    assert other.load() == RolloutState(weight=20)


def test_a_fence_is_given_while_the_lease_runs_and_no_longer(store: KubernetesStateStore, clock: MemoryClock) -> None:
    with pytest.raises(ConflictError, match="our lease has run out"):
        store.fence()
    held = store.acquire("run-1", MINUTE)

    fence = store.fence()
    clock.sleep(MINUTE)

    assert fence == held.fence
    with pytest.raises(ConflictError, match="our lease has run out"):
        store.fence()


def test_who_meets_another_writer_looks_again(api: ApiServer, cluster: Cluster, store: KubernetesStateStore) -> None:
    store.acquire("run-1", MINUTE)
    change: Manifest = {"metadata": {"labels": {"seen": "yes"}}}
    api.meanwhile("PUT /apis/coordination", lambda: cluster.patch(LEASE, "test", NAME, change))

    store.acquire("run-1", MINUTE)

    assert lease(cluster)["metadata"]["labels"]["seen"] == "yes"


def test_who_always_meets_another_writer_gives_up(api: ApiServer, store: KubernetesStateStore) -> None:
    store.acquire("run-1", MINUTE)
    api.refuse("PUT /apis/coordination", status=409, times=10)

    with pytest.raises(ConflictError, match="others write it faster than we can"):
        store.acquire("run-1", MINUTE)


def test_a_lease_of_somebody_else_is_not_guessed_at(cluster: Cluster, store: KubernetesStateStore) -> None:
    store.acquire("run-1", MINUTE)
    cluster.patch(LEASE, "test", NAME, {"metadata": {"annotations": {FENCE: "many"}}})

    with pytest.raises(ConfigurationError, match="lease penstock-ad is not ours"):
        store.look()


def test_a_time_beyond_all_calendars_is_named(cluster: Cluster, clock: MemoryClock) -> None:
    spec = {"holderIdentity": "run-1", "leaseDurationSeconds": 15, "renewTime": "9999-12-31T23:59:59.000000Z"}
    cluster.create(LEASE, {"metadata": {"name": NAME, "namespace": "test"}, "spec": spec})

    with pytest.raises(ConfigurationError, match="lease penstock-ad is not ours"):
        KubernetesStateStore(cluster, Place("test", "ad"), clock).acquire("run-2", MINUTE)


def test_a_lease_that_was_never_there_is_given_up_in_peace(cluster: Cluster, store: KubernetesStateStore) -> None:
    store.release(Lease("run-1", 1, MemoryClock().now()))

    assert lease(cluster) == {}


def test_a_record_that_is_no_json_is_named(cluster: Cluster, store: KubernetesStateStore) -> None:
    store.acquire("run-1", MINUTE)
    cluster.patch(CONFIG_MAP, "test", NAME, {"data": {"state.json": "{"}})

    with pytest.raises(ConfigurationError, match=r"ad\.test: state record: .* start afresh"):
        store.load()


def test_an_order_for_a_canary_without_a_record_is_refused(store: KubernetesStateStore) -> None:
    with pytest.raises(ConfigurationError, match="no release of it is known here; nothing to pause"):
        store.order(Order(Command.PAUSE, "ann", "1"))


def test_what_is_forgotten_is_gone(cluster: Cluster, store: KubernetesStateStore) -> None:
    held = store.acquire("run-1", MINUTE)
    store.save(RolloutState(), held)

    store.forget(held)

    assert (store.load(), lease(cluster)) == (None, {})


def test_a_status_that_cannot_be_shown_stops_no_release(
    api: ApiServer, cluster: Cluster, store: KubernetesStateStore, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.create(CANARY, releases.canary())
    held = store.acquire("run-1", MINUTE)
    api.refuse("PATCH /apis/flagger.app", status=403)

    store.save(RolloutState(Phase.PROGRESSING), held)

    assert "ad.test: its status cannot be shown" in caplog.text
    assert store.load() == RolloutState(Phase.PROGRESSING)


def test_a_status_that_says_so_already_is_not_written_again(
    api: ApiServer, cluster: Cluster, store: KubernetesStateStore
) -> None:
    cluster.create(CANARY, releases.canary())
    held = store.acquire("run-1", MINUTE)
    for reason in ("first", "second"):
        store.save(RolloutState(Phase.PROGRESSING, reason=reason), held)

    assert len([line for line in api.writes if "canaries/ad/status" in line]) == 1


def show(phase: Phase, before: Manifest | None = None, weight: int = 0) -> Manifest:
    canary = {"spec": {"targetRef": {"kind": "DaemonSet"}}, "status": before or {}}
    change = canary_status.describe(RolloutState(phase, weight=weight), canary, MemoryClock().now())
    assert change
    return change


@pytest.mark.parametrize(
    ("phase", "said", "message"),
    [
        (Phase.INITIALIZING, "Unknown", "New DaemonSet detected, starting initialization."),
        (Phase.INITIALIZED, "True", "DaemonSet initialization completed."),
        (Phase.WAITING, "Unknown", "Waiting for approval."),
        (Phase.PROGRESSING, "Unknown", "New revision detected, progressing canary analysis."),
        (Phase.WAITING_PROMOTION, "Unknown", "Waiting for approval."),
        (Phase.PROMOTING, "Unknown", "Canary analysis completed, starting primary rolling update."),
        (Phase.FINALISING, "Unknown", "Canary analysis completed, routing all traffic to primary."),
        (Phase.SUCCEEDED, "True", "Canary analysis completed successfully, promotion finished."),
        (Phase.FAILED, "False", "Canary analysis failed, DaemonSet scaled to zero."),
    ],
)
def test_each_phase_has_flaggers_condition(phase: Phase, said: str, message: str) -> None:
    (condition,) = show(phase)["conditions"]

    assert (condition["type"], condition["status"]) == ("Promoted", said)
    assert (condition["reason"], condition["message"]) == (phase.value, message)


def test_a_condition_keeps_its_time_while_it_says_the_same() -> None:
    before = {"type": "Promoted", "status": "Unknown", "lastTransitionTime": "2025-12-31T00:00:00Z"}
    other = {"type": "Ready", "status": "True"}

    same = show(Phase.PROMOTING, {"conditions": [other, before]})["conditions"]
    changed = show(Phase.SUCCEEDED, {"conditions": [before]})["conditions"]

    assert (same[0], same[1]["lastTransitionTime"]) == (other, "2025-12-31T00:00:00Z")
    assert changed[0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_flaggers_own_hashes_are_left_alone() -> None:
    change = show(Phase.SUCCEEDED, {"lastAppliedSpec": "5978589476", "trackedConfigs": {}}, weight=20)

    assert set(change) == {
        "phase",
        "canaryWeight",
        "failedChecks",
        "iterations",
        "lastTransitionTime",
        "conditions",
    }


def test_who_was_superseded_gives_no_fence_from_then_on(
    cluster: Cluster, store: KubernetesStateStore, clock: MemoryClock
) -> None:
    store.acquire("run-1", MINUTE)
    KubernetesStateStore(cluster, Place("test", "ad"), clock).acquire("run-2", MINUTE, by_force=True)

    with pytest.raises(FencedError):
        store.acquire("run-1", MINUTE)

    with pytest.raises(ConflictError, match="our lease has run out"):
        store.fence()


def test_the_status_of_a_canary_that_flagger_drives_is_left_alone(
    cluster: Cluster, store: KubernetesStateStore
) -> None:
    lease = store.acquire("run-1", MINUTE)
    document = releases.canary()
    cluster.create(CANARY, document)
    cluster.patch(CANARY, "test", "ad", {"status": {"phase": "Progressing", "lastAppliedSpec": "12345"}}, "status")

    store.save(RolloutState(Phase.FAILED), lease)

    assert (cluster.get(CANARY, "test", "ad") or {})["status"]["phase"] == "Progressing"
