"""When an arm is ready, who could answer, for how long it has not moved on, and what is the matter with its pods."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.workload_objects import NAMESPACE, Owner, deployment
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT, ENDPOINT_SLICE, POD, Manifest
from workflows.rollout.traffic import Arm, Readiness
from workflows.workloads.kubernetes import progress
from workflows.workloads.kubernetes.progress import Patience, Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = timedelta(minutes=10)


@pytest.fixture
def owner(cluster: Cluster, kubelet: Kubelet) -> Owner:
    """A primary whose pods come to nothing, and a target whose pods run."""
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment())
    owner.workload.initialise()
    kubelet.give("ad-primary", Fate.STUCK)
    kubelet.settle()
    return owner


def test_pods_that_were_never_seen_are_not_ready(cluster: Cluster) -> None:
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment())

    assert owner.workload.readiness(Arm.CANARY) == Readiness(
        ready=False,
        endpoints=0,
        reason="waiting for rollout to finish: observed generation less than desired generation",
    )


def test_before_there_are_services_the_pods_themselves_are_counted(owner: Owner) -> None:
    assert owner.workload.readiness(Arm.CANARY) == Readiness(ready=True, endpoints=2)


def test_pods_that_no_service_finds_are_no_endpoints(owner: Owner, kubelet: Kubelet) -> None:
    owner.serve()
    owner.cluster.patch(DEPLOYMENT, NAMESPACE, "ad", {"spec": {"replicas": 3}})
    kubelet.settle()
    found = owner.workload.readiness(Arm.CANARY)
    for item in owner.cluster.list(ENDPOINT_SLICE, NAMESPACE):
        owner.cluster.replace(ENDPOINT_SLICE, {**item, "endpoints": []})

    lost = owner.workload.readiness(Arm.CANARY)

    assert (found.ready, found.endpoints) == (True, 3)
    assert (lost.ready, lost.endpoints, lost.reason) == (False, 0, "no ready endpoint of Service ad-canary")


def test_an_arm_without_progress_counts_the_time_by_our_clock(owner: Owner) -> None:
    owner.workload.readiness(Arm.PRIMARY)
    owner.clock.sleep(timedelta(seconds=40))

    readiness = owner.workload.readiness(Arm.PRIMARY)

    assert readiness.unready_for == timedelta(seconds=40)
    assert readiness.reason == "waiting for rollout to finish: 0 of 2 updated replicas are available"


def test_an_arm_that_was_ready_begins_to_count_anew(owner: Owner, kubelet: Kubelet) -> None:
    owner.workload.readiness(Arm.PRIMARY)
    owner.clock.sleep(timedelta(seconds=40))
    kubelet.give("ad-primary", Fate.READY)
    kubelet.settle()
    owner.workload.readiness(Arm.PRIMARY)
    kubelet.give("ad-primary", Fate.CRASHED)
    kubelet.settle()

    assert owner.workload.readiness(Arm.PRIMARY).unready_for == timedelta()


def test_the_reason_names_the_pod_and_what_the_cluster_says_of_it(owner: Owner) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "ad:v1"'}
    status = {
        "containerStatuses": [
            {"name": "ad", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
        ]
    }
    labels = {"app": "ad-primary"}
    owner.apply(
        POD,
        {
            "metadata": {"name": "ad-primary-x", "namespace": NAMESPACE, "labels": labels},
            "spec": {"containers": [{"name": "ad", "image": "ad:v1"}]},
        },
    )
    owner.cluster.patch(POD, NAMESPACE, "ad-primary-x", {"status": status}, "status")

    reason = owner.workload.readiness(Arm.PRIMARY).reason

    assert reason.endswith('available: ad-primary-x: ImagePullBackOff: Back-off pulling image "ad:v1"')


def test_without_the_right_to_see_pods_the_reason_is_shorter_and_nothing_breaks(owner: Owner, api: ApiServer) -> None:
    api.refuse("/pods", status=403)

    reason = owner.workload.readiness(Arm.PRIMARY).reason

    assert reason == "waiting for rollout to finish: 0 of 2 updated replicas are available"


@pytest.mark.parametrize(("percent", "ready"), [(50, True), (51, False)])
def test_a_share_of_the_pods_can_be_enough(percent: int, ready: bool) -> None:  # noqa: FBT001 - a row of the table
    state = Progress(wanted=2, updated=2, available=1, total=2)

    assert (state.find_lack(percent) == "") is ready


@pytest.mark.parametrize(
    ("state", "lack"),
    [
        (Progress(2, 1, 1, 2), "waiting for rollout to finish: 1 out of 2 new replicas have been updated"),
        (Progress(2, 2, 2, 3), "waiting for rollout to finish: 1 old replicas are pending termination"),
        (
            Progress(2, 2, 0, 2),
            "waiting for rollout to finish: 0 of 2 (readyThreshold 60%) updated replicas are available",
        ),
        (Progress(2, 2, 2, 2), ""),
    ],
)
def test_what_is_lacking_is_said_as_flagger_says_it(state: Progress, lack: str) -> None:
    assert state.find_lack(60) == lack


def test_only_more_pods_than_ever_before_are_progress() -> None:
    begun = Patience("a", (2, 1), NOW)
    later = NOW + timedelta(seconds=30)

    assert begun.renew(Patience("a", (2, 0), later)) == begun
    assert begun.renew(Patience("a", (2, 2), later)).since == later
    assert begun.renew(Patience("b", (0, 0), later)).since == later


@pytest.mark.parametrize(
    ("told", "stall"),
    [
        (timedelta(), timedelta()),
        (timedelta(seconds=59), timedelta()),
        (timedelta(minutes=5), timedelta(minutes=4)),
        (-timedelta(minutes=1), timedelta()),
    ],
)
def test_another_clock_counts_only_beyond_the_skew_that_clocks_may_have(told: timedelta, stall: timedelta) -> None:
    state = Progress(wanted=1, since=NOW - told)

    assert progress.measure_stall(Patience("a", (0, 0), NOW), state, NOW, DEADLINE) == stall


def test_what_the_cluster_has_given_up_on_is_past_its_deadline() -> None:
    given_up, stale = Progress(wanted=1, exceeded=True), Progress(wanted=1, exceeded=True, observed=False)
    patience = Patience("a", (0, 0), NOW)

    assert progress.measure_stall(patience, given_up, NOW, DEADLINE) > DEADLINE
    assert progress.measure_stall(patience, stale, NOW, DEADLINE) == timedelta()


def conditions(*, available: str, progressed: str) -> Manifest:
    told = [
        {"type": "Available", "status": "False", "lastTransitionTime": available},
        {"type": "Progressing", "status": "True", "lastUpdateTime": progressed},
    ]
    return {**deployment(), "status": {"conditions": told}}


def test_a_wait_begins_with_the_last_word_of_progress() -> None:
    manifest = conditions(available="2026-01-01T00:00:00Z", progressed="2026-01-01T00:03:00Z")

    state = progress.read_progress(DEPLOYMENT, manifest)

    assert state.since == NOW + timedelta(minutes=3)


@pytest.mark.parametrize(
    ("endpoints", "count"),
    [
        ([], 0),
        ([{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"], "conditions": {"ready": False}}], 1),
        (
            [
                {"addresses": ["10.0.0.1"], "targetRef": {"name": "x"}},
                {"addresses": ["fd00::1"], "targetRef": {"name": "x"}},
            ],
            1,
        ),
    ],
)
def test_a_pod_counts_once_and_only_when_it_is_ready(endpoints: list[Manifest], count: int) -> None:
    assert progress.count_endpoints([{"endpoints": endpoints}, {"endpoints": None}]) == count


STARTING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
CRASHING = {
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
    "lastState": {"terminated": {"exitCode": 3}},
}
HOMELESS = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({}, ""),
        ({"containerStatuses": [STARTING]}, ""),
        ({"containerStatuses": [CRASHING]}, "x: CrashLoopBackOff after exit code 3"),
        ({"conditions": [{"type": "Ready", "status": "False"}, HOMELESS]}, "x: Unschedulable: 0/3 nodes"),
    ],
)
def test_trouble_of_a_pod_is_told_in_the_clusters_words(status: Manifest, trouble: str) -> None:
    assert progress.explain_pods([{"metadata": {"name": "x"}, "status": status}]) == trouble


@pytest.mark.parametrize(("available", "percent"), [(0, 0), (5, 62), (8, 100), (9, 100)])
def test_the_primary_carries_a_quarter_more_than_its_share_of_pods(owner: Owner, available: int, percent: int) -> None:
    owner.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"spec": {"replicas": 10}})
    counts = {"replicas": 10, "updatedReplicas": 10, "readyReplicas": available, "availableReplicas": available}
    owner.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"status": counts}, "status")

    assert owner.workload.capacity() == percent


def test_a_primary_that_is_ready_carries_everything(owner: Owner, kubelet: Kubelet) -> None:
    kubelet.give("ad-primary", Fate.READY)
    kubelet.settle()

    assert owner.workload.capacity() == 100


def test_a_primary_that_is_gone_carries_nothing(cluster: Cluster) -> None:
    assert Owner(cluster).workload.capacity() == 0


def test_an_arm_whose_pods_somebody_took_away_counts_the_time_too(owner: Owner) -> None:
    owner.workload.scale(Arm.CANARY, up=False)
    owner.workload.readiness(Arm.CANARY)
    owner.clock.sleep(timedelta(seconds=5))

    assert owner.workload.readiness(Arm.CANARY) == Readiness(
        ready=False, endpoints=0, reason="scaled to zero", unready_for=timedelta(seconds=5)
    )


def test_another_clock_starts_with_every_process(owner: Owner) -> None:
    owner.workload.readiness(Arm.PRIMARY)
    owner.clock.sleep(timedelta(seconds=40))

    again = Owner(owner.cluster, clock=MemoryClock())

    assert again.workload.readiness(Arm.PRIMARY).unready_for == timedelta()
