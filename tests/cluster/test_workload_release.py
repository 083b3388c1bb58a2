"""A release on Kubernetes from the first copy to the promotion, through the workload's own door."""

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.workload_objects import NAMESPACE, Owner, deployment, image_of
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT
from workflows.errors import ConfigurationError, TemporaryError
from workflows.rollout.traffic import Arm, Readiness


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment())
    return owner


@pytest.fixture
def started(owner: Owner, kubelet: Kubelet) -> Owner:
    owner.workload.initialise()
    owner.serve()
    owner.workload.scale(Arm.CANARY, up=False)
    kubelet.settle()
    return owner


def test_the_primary_is_a_copy_of_the_target_with_its_own_selector(owner: Owner) -> None:
    owner.workload.initialise()

    spec = owner.read(DEPLOYMENT, "ad-primary")["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "ad-primary"}}
    assert spec["template"]["metadata"]["labels"] == {"app": "ad-primary"}
    assert spec["replicas"] == 2


def test_the_target_keeps_its_pods_until_the_traffic_has_gone(owner: Owner, kubelet: Kubelet) -> None:
    owner.workload.initialise()
    kubelet.settle()
    owner.workload.initialise()

    assert owner.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 2


def test_a_target_without_pods_gets_a_primary_with_one(owner: Owner) -> None:
    owner.apply(DEPLOYMENT, deployment(replicas=0))

    owner.workload.initialise()

    assert owner.read(DEPLOYMENT, "ad-primary")["spec"]["replicas"] == 1


def test_what_is_done_twice_is_written_once(started: Owner, api: ApiServer) -> None:
    revision = started.release("ad:v2")
    for _ in range(2):
        before = len(api.writes)
        started.workload.initialise()
        started.workload.scale(Arm.CANARY, up=True)
        started.workload.promote(revision)

    assert len(api.writes) == before


def test_a_release_goes_from_the_target_to_the_primary(started: Owner, kubelet: Kubelet) -> None:
    first, second = started.workload.revision(), started.release("ad:v2")
    started.workload.scale(Arm.CANARY, up=True)
    kubelet.settle()

    assert first != second
    assert started.workload.readiness(Arm.CANARY) == Readiness(ready=True, endpoints=2)
    started.workload.promote(second)
    kubelet.settle()
    assert image_of(started.read(DEPLOYMENT, "ad-primary")) == "ad:v2"
    assert started.workload.readiness(Arm.PRIMARY) == Readiness(ready=True, endpoints=2)


def test_only_the_pods_count_as_a_revision_not_how_many_they_are(started: Owner) -> None:
    before = started.workload.revision()
    started.apply(DEPLOYMENT, {**started.read(DEPLOYMENT, "ad"), "spec": deployment(replicas=7)["spec"]})

    assert started.workload.revision() == before


def test_a_revision_that_is_no_longer_the_target_is_not_promoted(started: Owner) -> None:
    first = started.workload.revision()
    started.release("ad:v2")

    with pytest.raises(TemporaryError, match="a newer release has begun"):
        started.workload.promote(first)

    assert image_of(started.read(DEPLOYMENT, "ad-primary")) == "ad:v1"


def test_a_canary_gets_as_many_pods_as_the_primary_has(started: Owner) -> None:
    primary = started.read(DEPLOYMENT, "ad-primary")
    started.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"spec": {"replicas": 5}})

    started.workload.scale(Arm.CANARY, up=True)

    assert primary["spec"]["replicas"] == 2
    assert started.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 5


def test_pods_that_were_applied_stay_as_many_as_they_are(started: Owner) -> None:
    started.cluster.patch(DEPLOYMENT, NAMESPACE, "ad", {"spec": {"replicas": 3}})

    started.workload.scale(Arm.CANARY, up=True)

    assert started.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 3


def test_a_primary_can_be_scaled_to_zero_and_back(started: Owner, kubelet: Kubelet) -> None:
    started.workload.scale(Arm.PRIMARY, up=False)
    kubelet.settle()
    down = started.workload.readiness(Arm.PRIMARY)
    started.workload.scale(Arm.PRIMARY, up=True)
    kubelet.settle()

    assert (down.ready, down.reason) == (False, "scaled to zero")
    assert started.workload.readiness(Arm.PRIMARY).ready


def test_the_promoted_primary_has_as_many_pods_as_the_canary_proved(started: Owner) -> None:
    revision = started.release("ad:v2")
    started.cluster.patch(DEPLOYMENT, NAMESPACE, "ad", {"spec": {"replicas": 4}})

    started.workload.promote(revision)

    assert started.read(DEPLOYMENT, "ad-primary")["spec"]["replicas"] == 4


def test_a_primary_is_rolled_although_only_a_config_changed(started: Owner) -> None:
    before = started.read(DEPLOYMENT, "ad-primary")["spec"]["template"]["metadata"]["annotations"]

    started.workload.promote(started.release("ad:v2"))

    after = started.read(DEPLOYMENT, "ad-primary")["spec"]["template"]["metadata"]["annotations"]
    assert before["penstock.dev/revision"] != after["penstock.dev/revision"] == started.workload.revision()


def test_a_missing_target_is_named_with_the_way_out(cluster: Cluster) -> None:
    workload = Owner(cluster).workload

    with pytest.raises(ConfigurationError, match="Deployment ad in test: not found; apply it"):
        workload.initialise()
    with pytest.raises(ConfigurationError, match="Deployment ad in test: not found; apply it"):
        workload.revision()


def test_a_target_deleted_in_mid_release_is_another_revision_and_not_ready(started: Owner, kubelet: Kubelet) -> None:
    revision = started.release("ad:v2")
    started.workload.scale(Arm.CANARY, up=True)
    started.cluster.delete(DEPLOYMENT, NAMESPACE, "ad")
    kubelet.settle()

    started.workload.scale(Arm.CANARY, up=False)

    assert started.workload.revision() != revision
    readiness = started.workload.readiness(Arm.CANARY)
    assert (readiness.endpoints, readiness.reason) == (0, "Deployment ad in test: not found; apply it again")


def test_a_primary_that_was_deleted_is_made_anew_by_a_promotion(started: Owner) -> None:
    started.cluster.delete(DEPLOYMENT, NAMESPACE, "ad-primary")
    lost = started.workload.readiness(Arm.PRIMARY)

    started.workload.promote(started.workload.revision())

    assert "release once with skipAnalysis" in lost.reason
    assert image_of(started.read(DEPLOYMENT, "ad-primary")) == "ad:v1"


def test_a_write_that_somebody_else_was_faster_with_is_made_again(started: Owner, api: ApiServer) -> None:
    revision = started.release("ad:v2")
    api.meanwhile(
        "PUT /apis/apps/v1/namespaces/test/deployments/ad-primary",
        lambda: started.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"metadata": {"labels": {"seen": "yes"}}}),
    )

    started.workload.promote(revision)

    primary = started.read(DEPLOYMENT, "ad-primary")
    assert (image_of(primary), primary["metadata"]["labels"]["seen"]) == ("ad:v2", "yes")


@pytest.mark.parametrize("lost", ["POST", "PUT"])
def test_a_write_whose_answer_is_lost_is_found_done(owner: Owner, api: ApiServer, lost: str) -> None:
    api.lose(f"{lost} /apis/apps/v1/namespaces/test/deployments")
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=False)
    owner.workload.promote(owner.release("ad:v2"))

    assert image_of(owner.read(DEPLOYMENT, "ad-primary")) == "ad:v2"
    assert owner.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 0


def test_a_primary_that_crashes_while_promoting_says_so(started: Owner, kubelet: Kubelet) -> None:
    started.workload.promote(started.release("ad:v2"))
    kubelet.give("ad-primary", Fate.OVERDUE)
    kubelet.settle()

    readiness = started.workload.readiness(Arm.PRIMARY)

    assert (readiness.ready, readiness.endpoints) == (False, 0)
    assert readiness.unready_for > started.plan.progress_deadline
