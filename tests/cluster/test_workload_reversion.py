"""`penstock revert`: the target alone serves again, and nothing of the canary is left behind."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.workload_objects import (
    HPA,
    NAMESPACE,
    Owner,
    autoscaler,
    config_map,
    daemon_set,
    deployment,
    plan,
    service,
)
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    SCALED_OBJECT,
    SERVICE,
    Kind,
    Manifest,
)
from workflows.cluster.pen import FENCE
from workflows.errors import ConfigurationError, ConflictError, UnavailableError
from workflows.rollout.plan import Reference, RolloutPlan
from workflows.rollout.traffic import Arm, Route
from workflows.routers.kubernetes import build_router
from workflows.routers.kubernetes.istio import VIRTUAL_SERVICE
from workflows.wiring.reversion import revert
from workflows.workloads.kubernetes.choice import build_workload

POD = {"containers": [{"name": "ad", "image": "ad:v1", "envFrom": [{"configMapRef": {"name": "settings"}}]}]}
PLAN = plan(autoscaler=HPA)


def released(owner: Owner, of: RolloutPlan, kubelet: Kubelet) -> None:
    """Bring a canary to rest, its traffic on the primary."""
    owner.plan = of
    owner.workload = build_workload(owner.pen, of, owner.clock)
    owner.workload.initialise()
    build_router(owner.pen, of, owner.clock).shift(Route())
    owner.workload.scale(Arm.CANARY, up=False)
    kubelet.settle()


def reverted(owner: Owner) -> list[str]:
    return list(revert(owner.pen, owner.plan, owner.clock))


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster)
    owner.apply(CONFIG_MAP, config_map("settings"))
    owner.apply(DEPLOYMENT, deployment(pod=POD))
    owner.apply(AUTOSCALER, autoscaler())
    return owner


@pytest.fixture
def resting(owner: Owner, kubelet: Kubelet) -> Owner:
    owner.apply(SERVICE, service("ad", {"app": "ad"}))
    released(owner, PLAN, kubelet)
    return owner


def names(owner: Owner, kind: Kind) -> list[str]:
    return sorted(item["metadata"]["name"] for item in owner.cluster.list(kind, NAMESPACE))


def fences(owner: Owner) -> list[str]:
    """Name the objects that still bear a fencing number."""
    kinds = (DEPLOYMENT, SERVICE, AUTOSCALER, SCALED_OBJECT, CONFIG_MAP, VIRTUAL_SERVICE)
    items = [item for kind in kinds for item in owner.cluster.list(kind, NAMESPACE)]
    return [item["metadata"]["name"] for item in items if FENCE in (item["metadata"].get("annotations") or {})]


def test_the_target_alone_serves_again(resting: Owner, kubelet: Kubelet) -> None:
    resting.cluster.patch(DEPLOYMENT, NAMESPACE, "ad-primary", {"spec": {"replicas": 5}})

    with kubelet.running():
        told = reverted(resting)

    assert told[:2] == ["Deployment ad: ready to serve alone", "Service ad: leads to app=ad again"]
    assert resting.read(DEPLOYMENT, "ad")["spec"]["replicas"] == 5
    assert resting.read(SERVICE, "ad")["spec"]["selector"] == {"app": "ad"}


def test_nothing_of_the_canary_is_left_behind(resting: Owner, kubelet: Kubelet) -> None:
    with kubelet.running():
        reverted(resting)

    kinds = (DEPLOYMENT, SERVICE, AUTOSCALER, VIRTUAL_SERVICE)
    assert [names(resting, kind) for kind in kinds] == [["ad"], ["ad"], ["ad"], []]
    assert "settings-primary" not in names(resting, CONFIG_MAP)
    assert fences(resting) == []


def test_a_second_time_finds_nothing_to_do(resting: Owner, kubelet: Kubelet, api: ApiServer) -> None:
    with kubelet.running():
        reverted(resting)
    before = api.writes

    assert (reverted(resting), api.writes) == ([], before)


def test_a_mesh_object_that_stood_before_says_again_what_it_said(owner: Owner, kubelet: Kubelet) -> None:
    spec: Manifest = {"hosts": ["ad"], "http": [{"route": [{"destination": {"host": "ad"}}]}]}
    owner.apply(VIRTUAL_SERVICE, {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": spec})
    released(owner, plan(provider="istio"), kubelet)
    taken = owner.read(VIRTUAL_SERVICE, "ad")["spec"]

    with kubelet.running():
        told = reverted(owner)

    assert taken != spec == owner.read(VIRTUAL_SERVICE, "ad")["spec"]
    assert "VirtualService ad: says again what it said before" in told


def test_what_kubectl_applied_is_restored_from_its_own_note(owner: Owner, kubelet: Kubelet) -> None:
    manifest = service("ad", {"app": "ad", "tier": "web"})
    manifest["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(manifest)}
    owner.apply(SERVICE, manifest)
    released(owner, PLAN, kubelet)

    with kubelet.running():
        reverted(owner)

    assert owner.read(SERVICE, "ad")["spec"]["selector"] == {"app": "ad", "tier": "web"}


def test_a_service_that_we_made_stays_and_is_owned_no_more(owner: Owner, kubelet: Kubelet) -> None:
    released(owner, PLAN, kubelet)

    with kubelet.running():
        reverted(owner)

    metadata = owner.read(SERVICE, "ad")["metadata"]
    assert not metadata.get("ownerReferences")
    assert "penstock.dev/canary" not in (metadata.get("annotations") or {})


def test_a_route_that_was_never_taken_is_left_as_it_is(owner: Owner, kubelet: Kubelet, api: ApiServer) -> None:
    released(owner, plan(provider="kubernetes"), kubelet)
    metadata = {"name": "ad", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"spec": {}}'}}
    owner.apply(VIRTUAL_SERVICE, {"metadata": {**metadata, "namespace": NAMESPACE}, "spec": {"hosts": ["ad"]}})
    owner.plan = plan(provider="istio")

    with kubelet.running():
        reverted(owner)

    assert owner.read(VIRTUAL_SERVICE, "ad")["spec"] == {"hosts": ["ad"]}
    assert not [line for line in api.writes if line.startswith("PUT") and "virtualservices" in line]


def test_an_owner_that_is_no_canary_stays_an_owner(owner: Owner, kubelet: Kubelet) -> None:
    uid = owner.read(DEPLOYMENT, "ad")["metadata"]["uid"]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad", "uid": uid}
    manifest = service("ad", {"app": "ad"})
    manifest["metadata"]["ownerReferences"] = [reference]
    owner.apply(SERVICE, manifest)
    released(owner, PLAN, kubelet)

    with kubelet.running():
        reverted(owner)

    assert owner.read(SERVICE, "ad")["metadata"]["ownerReferences"] == [reference]


def test_a_daemon_set_gets_its_nodes_back(cluster: Cluster, kubelet: Kubelet) -> None:
    owner = Owner(cluster)
    owner.apply(DAEMON_SET, daemon_set())
    released(owner, plan(target=Reference("DaemonSet", "ad", "apps/v1")), kubelet)

    with kubelet.running():
        reverted(owner)

    assert "nodeSelector" not in owner.read(DAEMON_SET, "ad")["spec"]["template"]["spec"]
    assert names(owner, DAEMON_SET) == ["ad"]


def test_a_version_that_was_not_promoted_gets_no_traffic(resting: Owner, api: ApiServer) -> None:
    resting.release("ad:v2")
    before = api.writes

    with pytest.raises(
        ConfigurationError, match=r"which was not promoted; release it first, or apply what the primary"
    ):
        reverted(resting)

    assert api.writes == before


def test_pods_that_do_not_come_up_keep_the_traffic_where_it_is(resting: Owner, kubelet: Kubelet) -> None:
    kubelet.give("ad", Fate.STUCK)
    kubelet.settle()
    resting.plan = replace(PLAN, progress_deadline=timedelta(seconds=3))

    with pytest.raises(UnavailableError, match="ad is not ready, so it was not given the traffic: waiting for rollout"):
        reverted(resting)

    assert resting.read(SERVICE, "ad")["spec"]["selector"] == {"app": "ad-primary"}
    assert "ad-primary" in names(resting, DEPLOYMENT)


def test_what_broke_off_is_done_by_the_next_call(resting: Owner, kubelet: Kubelet, api: ApiServer) -> None:
    api.refuse("DELETE /api/v1/namespaces/test/services/ad-primary", status=403)
    with kubelet.running():
        with pytest.raises(ConfigurationError):
            reverted(resting)

        told = reverted(resting)

    assert "Deployment ad-primary: deleted" in told
    assert names(resting, SERVICE) == ["ad"]


def test_a_plain_service_gets_its_arms_deleted(cluster: Cluster, kubelet: Kubelet) -> None:
    owner = Owner(cluster)
    owner.apply(SERVICE, service("ad", {"version": "v1"}))
    released(owner, plan(target=Reference("Service", "ad", "v1")), kubelet)

    reverted(owner)

    assert (names(owner, SERVICE), names(owner, VIRTUAL_SERVICE)) == (["ad"], [])
    assert owner.read(SERVICE, "ad")["spec"]["selector"] == {"version": "v1"}


@pytest.mark.parametrize(("times", "kept"), [(1, False), (9, True)])
def test_handing_back_gives_way_to_others_but_not_for_ever(
    resting: Owner,
    api: ApiServer,
    times: int,
    kept: bool,  # noqa: FBT001 - a row of the table
) -> None:
    writes = iter(range(times))
    api.meanwhile(
        "PUT /api/v1/namespaces/test/services/ad",
        lambda: resting.cluster.patch(SERVICE, NAMESPACE, "ad", {"metadata": {"labels": {"n": str(next(writes))}}}),
        times=times,
    )

    with pytest.raises(ConflictError, match="others write it faster") if kept else nullcontext():
        resting.pen.hand_back(SERVICE, "ad", lambda found: found)

    assert (FENCE in resting.read(SERVICE, "ad")["metadata"]["annotations"]) is kept


def test_what_is_gone_needs_no_handing_back(resting: Owner) -> None:
    assert not resting.pen.hand_back(SERVICE, "nowhere", lambda found: found)
    resting.pen.delete(SERVICE, "nowhere")
