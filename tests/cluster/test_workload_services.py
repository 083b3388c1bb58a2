"""A release whose target is a plain Service: the arms are Services too, and whoever runs the pods keeps them up."""

from datetime import timedelta

import pytest

from tests.cluster.workload_objects import NAMESPACE, Owner, plan, service
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import ENDPOINT_SLICE, SERVICE, Manifest
from workflows.errors import ConfigurationError, TemporaryError
from workflows.rollout.plan import Reference
from workflows.rollout.traffic import Arm, Readiness
from workflows.workloads.kubernetes.choice import build_workload
from workflows.workloads.kubernetes.services import ServiceWorkload
from workflows.workloads.kubernetes.workload import KubernetesWorkload

PLAN = plan(target=Reference("Service", "ad", "v1"))


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster)
    owner.apply(SERVICE, service("ad", {"version": "v1"}))
    owner.workload = build_workload(owner.pen, PLAN, owner.clock)
    owner.workload.initialise()
    return owner


def selector_of(owner: Owner, name: str) -> str:
    version: str = owner.read(SERVICE, name)["spec"]["selector"]["version"]
    return version


def select(owner: Owner, version: str) -> str:
    """Point the target at other pods, as whoever releases does."""
    owner.cluster.patch(SERVICE, NAMESPACE, "ad", {"spec": {"selector": {"version": version}}})
    return owner.workload.revision()


def listen(owner: Owner, name: str, pods: int) -> None:
    """Let a service have so many ready pods."""
    labels = {"kubernetes.io/service-name": name}
    endpoints = [{"addresses": [f"10.0.0.{pod + 1}"], "conditions": {"ready": True}} for pod in range(pods)]
    metadata = {"name": f"{name}-pods", "namespace": NAMESPACE, "labels": labels}
    owner.cluster.create(
        ENDPOINT_SLICE, {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": []}
    )


def test_the_workload_is_chosen_by_the_kind_of_the_target(owner: Owner) -> None:
    assert isinstance(owner.workload, ServiceWorkload)
    assert isinstance(build_workload(owner.pen, plan(), owner.clock), KubernetesWorkload)


def test_both_arms_begin_as_copies_of_the_target(owner: Owner) -> None:
    assert [selector_of(owner, f"ad-{arm.value}") for arm in Arm] == ["v1", "v1"]


def test_a_release_points_the_canary_and_then_the_primary_at_the_new_pods(owner: Owner) -> None:
    first, second = owner.workload.revision(), select(owner, "v2")
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=True)
    before = selector_of(owner, "ad-primary")

    owner.workload.promote(second)
    owner.workload.scale(Arm.CANARY, up=False)

    assert first != second
    assert (before, selector_of(owner, "ad-primary"), selector_of(owner, "ad-canary")) == ("v1", "v2", "v2")


def test_a_revision_that_is_no_longer_selected_is_not_promoted(owner: Owner) -> None:
    first = owner.workload.revision()
    select(owner, "v2")

    with pytest.raises(TemporaryError, match=r"Service ad in test: at revision .* a newer release has begun"):
        owner.workload.promote(first)


def test_an_arm_is_ready_with_its_first_endpoint(owner: Owner) -> None:
    none = owner.workload.readiness(Arm.PRIMARY)
    listen(owner, "ad-primary", 2)

    assert none == Readiness(ready=False, endpoints=0, reason="Service ad-primary in test: no ready endpoint")
    assert owner.workload.readiness(Arm.PRIMARY) == Readiness(ready=True, endpoints=2)
    assert owner.workload.capacity() == 100


def test_a_canary_that_selects_older_pods_is_not_ready(owner: Owner) -> None:
    listen(owner, "ad-canary", 1)
    select(owner, "v2")
    owner.workload.readiness(Arm.CANARY)
    owner.clock.sleep(timedelta(seconds=3))

    stale = owner.workload.readiness(Arm.CANARY)
    owner.workload.scale(Arm.CANARY, up=True)

    assert (stale.endpoints, stale.unready_for) == (1, timedelta(seconds=3))
    assert stale.reason == "Service ad-canary in test: still selects the pods of another revision"
    assert owner.workload.readiness(Arm.CANARY).ready


def test_a_service_that_leads_out_of_the_cluster_is_taken_at_its_word(cluster: Cluster) -> None:
    owner = Owner(cluster)
    spec: Manifest = {"type": "ExternalName", "externalName": "ad.example.org"}
    owner.apply(SERVICE, {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": spec})
    workload = ServiceWorkload(owner.pen, PLAN, owner.clock)
    workload.initialise()

    assert workload.readiness(Arm.PRIMARY) == Readiness(ready=True, endpoints=1)


def test_a_target_deleted_in_mid_release_is_another_revision(owner: Owner) -> None:
    before = owner.workload.revision()
    owner.cluster.delete(SERVICE, NAMESPACE, "ad")

    assert owner.workload.revision() != before
    with pytest.raises(ConfigurationError, match="Service ad in test: not found"):
        owner.workload.initialise()


def test_an_arm_that_was_deleted_is_not_found(owner: Owner) -> None:
    owner.cluster.delete(SERVICE, NAMESPACE, "ad-primary")

    assert owner.workload.readiness(Arm.PRIMARY).reason == "Service ad-primary in test: not found"


def test_two_canaries_on_one_service_are_refused(owner: Owner) -> None:
    other = plan(name="other", target=Reference("Service", "ad", "v1"))

    with pytest.raises(ConfigurationError, match="made for canary ad, not for other"):
        ServiceWorkload(owner.pen, other, owner.clock).initialise()


def test_a_headless_service_has_headless_arms(cluster: Cluster) -> None:
    owner = Owner(cluster)
    headless = service("ad", {"version": "v1"})
    headless["spec"]["clusterIP"] = "None"
    owner.apply(SERVICE, headless)

    ServiceWorkload(owner.pen, PLAN, owner.clock).initialise()

    assert owner.read(SERVICE, "ad-primary")["spec"]["clusterIP"] == "None"


def test_a_service_of_somebody_else_is_not_overwritten(cluster: Cluster) -> None:
    owner = Owner(cluster)
    for name in ("ad", "ad-canary"):
        owner.apply(SERVICE, service(name, {"version": "v1"}))

    with pytest.raises(ConfigurationError, match="Service ad-canary in test: not made for a canary"):
        ServiceWorkload(owner.pen, PLAN, owner.clock).initialise()


def test_without_a_mesh_a_service_cannot_be_the_target(cluster: Cluster) -> None:
    owner = Owner(cluster)

    with pytest.raises(ConfigurationError, match="the target cannot be a Service; name a Deployment or DaemonSet"):
        build_workload(owner.pen, plan(target=Reference("Service", "ad", "v1"), provider="kubernetes"), owner.clock)
