"""A release whose target is a Knative service: its revisions are the versions, an annotation names the primary."""

from datetime import timedelta

import pytest

from tests.cluster.workload_objects import NAMESPACE, Owner, plan
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import KNATIVE_REVISION, KNATIVE_SERVICE, Manifest
from workflows.errors import ConfigurationError, TemporaryError
from workflows.rollout.plan import Reference
from workflows.rollout.traffic import Arm, Readiness
from workflows.wiring.reversion import revert
from workflows.workloads.kubernetes.choice import build_workload
from workflows.workloads.kubernetes.knative import KnativeWorkload

TARGET = Reference("Service", "ad", "serving.knative.dev/v1")
PLAN = plan(target=TARGET, provider="knative")


class Knative(Owner):
    """An owner with a cluster in which this test plays Knative's controllers."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.workload = build_workload(self.pen, PLAN, self.clock)

    def deploy(self, image: str) -> None:
        """Ask for another version."""
        template = {"spec": {"containers": [{"image": image}]}}
        self.apply(
            KNATIVE_SERVICE, {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": {"template": template}}
        )

    def settle(self, revision: str, **ready: str) -> None:
        """Make a revision of what is asked for, and say how it does."""
        generation = self.read(KNATIVE_SERVICE, "ad")["metadata"]["generation"]
        status = {"observedGeneration": generation, "latestCreatedRevisionName": revision}
        self.cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"status": status}, "status")
        self.apply(KNATIVE_REVISION, {"metadata": {"name": revision, "namespace": NAMESPACE}, "spec": {}})
        condition = {"type": "Ready", "status": "True", **ready}
        self.cluster.patch(KNATIVE_REVISION, NAMESPACE, revision, {"status": {"conditions": [condition]}}, "status")

    @property
    def primary(self) -> str:
        annotations: Manifest = self.read(KNATIVE_SERVICE, "ad")["metadata"]["annotations"]
        name: str = annotations["flagger.app/primary-revision"]
        return name


@pytest.fixture
def knative(cluster: Cluster) -> Knative:
    knative = Knative(cluster)
    knative.deploy("ad:v1")
    knative.settle("ad-00001")
    knative.workload.initialise()
    return knative


def test_the_first_revision_is_the_primary(knative: Knative) -> None:
    assert isinstance(knative.workload, KnativeWorkload)
    assert knative.primary == "ad-00001"
    assert knative.workload.readiness(Arm.PRIMARY) == Readiness(ready=True, endpoints=1)
    assert knative.workload.capacity() == 100


def test_the_newest_revision_is_the_canary_until_it_is_promoted(knative: Knative) -> None:
    first = knative.workload.revision()
    knative.deploy("ad:v2")
    knative.settle("ad-00002")
    knative.workload.initialise()
    knative.workload.scale(Arm.CANARY, up=True)
    before = knative.primary

    knative.workload.promote(knative.workload.revision())

    assert first != knative.workload.revision()
    assert (before, knative.primary) == ("ad-00001", "ad-00002")


def test_a_revision_that_is_no_longer_asked_for_is_not_promoted(knative: Knative) -> None:
    first = knative.workload.revision()
    knative.deploy("ad:v2")

    with pytest.raises(TemporaryError, match="a newer release has begun"):
        knative.workload.promote(first)


def test_a_spec_that_knative_has_not_seen_is_no_version_yet(knative: Knative) -> None:
    knative.deploy("ad:v2")
    knative.workload.readiness(Arm.CANARY)
    knative.clock.sleep(timedelta(seconds=4))

    readiness = knative.workload.readiness(Arm.CANARY)

    assert (readiness.ready, readiness.unready_for) == (False, timedelta(seconds=4))
    assert readiness.reason == "Knative has not seen the newest spec yet; is its controller running?"
    with pytest.raises(TemporaryError, match="Service ad of Knative in test: Knative has not seen the newest spec"):
        knative.workload.promote(knative.workload.revision())


def test_a_revision_that_fails_says_why(knative: Knative) -> None:
    knative.deploy("ad:v2")
    knative.settle("ad-00002", status="False", reason="ContainerMissing", message="no such image")

    readiness = knative.workload.readiness(Arm.CANARY)

    assert (readiness.ready, readiness.endpoints) == (False, 0)
    assert readiness.reason == "Revision ad-00002 is not ready: ContainerMissing: no such image"


def test_a_revision_that_was_deleted_is_not_found(knative: Knative) -> None:
    knative.cluster.delete(KNATIVE_REVISION, NAMESPACE, "ad-00001")

    assert knative.workload.readiness(Arm.PRIMARY).reason == "Revision ad-00001: not found"


def test_pods_that_run_are_counted(knative: Knative) -> None:
    knative.cluster.patch(KNATIVE_REVISION, NAMESPACE, "ad-00001", {"status": {"actualReplicas": 3}}, "status")

    assert knative.workload.readiness(Arm.PRIMARY).endpoints == 3


def test_before_it_was_initialised_there_is_no_primary(cluster: Cluster) -> None:
    knative = Knative(cluster)
    knative.deploy("ad:v1")

    assert knative.workload.readiness(Arm.PRIMARY).reason == "no revision is the primary yet"
    with pytest.raises(TemporaryError, match="Knative has not seen the newest spec yet"):
        knative.workload.initialise()


def test_a_service_without_any_revision_waits_for_one(cluster: Cluster) -> None:
    knative = Knative(cluster)
    knative.deploy("ad:v1")
    generation = knative.read(KNATIVE_SERVICE, "ad")["metadata"]["generation"]
    cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"status": {"observedGeneration": generation}}, "status")

    assert knative.workload.readiness(Arm.CANARY).reason == "Knative has made no revision yet"


def test_a_missing_service_is_named(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="Service ad in test: not found; apply it first"):
        Knative(cluster).workload.revision()


def test_knative_is_split_by_knative_alone(cluster: Cluster) -> None:
    owner = Owner(cluster)

    with pytest.raises(ConfigurationError, match="a Knative service is split by provider knative alone"):
        build_workload(owner.pen, plan(target=TARGET, provider="istio"), owner.clock)


def test_a_service_that_is_given_back_follows_its_newest_revision(knative: Knative) -> None:
    split = [{"latestRevision": True, "percent": 0}, {"revisionName": "ad-00001", "percent": 100}]
    knative.cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"spec": {"traffic": split}})
    knative.settle("ad-00001")

    told = list(revert(knative.pen, PLAN, knative.clock))

    service = knative.read(KNATIVE_SERVICE, "ad")
    assert told == ["Service ad: all its traffic follows the newest revision again"]
    assert service["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
    assert not service["metadata"].get("annotations")
    assert list(revert(knative.pen, PLAN, knative.clock)) == []


def test_a_revision_that_was_not_promoted_does_not_get_all_the_traffic(knative: Knative) -> None:
    knative.deploy("ad:v2")
    knative.settle("ad-00002")

    with pytest.raises(ConfigurationError, match="its newest revision was not promoted; release it first"):
        list(revert(knative.pen, PLAN, knative.clock))
