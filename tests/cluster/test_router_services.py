"""The services that stand under every mesh, and the provider that has nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from tests.cluster import router_drafts, routing
from tests.cluster.api_server import ApiServer
from tests.cluster.routing import NAMESPACE
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, DEPLOYMENT, SERVICE, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.traffic import Route

PORT = {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}
FLUX = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "helm.toolkit.fluxcd.io/driftDetection": "disabled"}


def services(found: dict[str, Manifest] | None = None, **settings: Any) -> dict[str, Manifest]:
    made = router_drafts.companions(routing.site("traefik", None, settings), found)
    return {name.removeprefix("Service/"): manifest for name, manifest in made.items()}


def test_each_service_picks_its_pods() -> None:
    made = services()

    picked = {name: manifest["spec"]["selector"]["app"] for name, manifest in made.items()}
    assert picked == {"ad-canary": "ad", "ad-primary": "ad-primary", "ad": "ad-primary"}


def test_a_service_is_written_whole() -> None:
    made = services(primary={"labels": {"tier": "front"}, "annotations": {"note": "x"}})["ad-primary"]

    owner = {"kind": "Canary", "name": "ad", "uid": "uid-1", "controller": True, "blockOwnerDeletion": True}
    assert made == {
        "metadata": {
            "name": "ad-primary",
            "labels": {"tier": "front", "app": "ad-primary"},
            "annotations": {"note": "x", "penstock.dev/canary": "ad", **FLUX},
            "ownerReferences": [{"apiVersion": "flagger.app/v1beta1", **owner}],
        },
        "spec": {"type": "ClusterIP", "selector": {"app": "ad-primary"}, "ports": [PORT]},
    }


@pytest.mark.parametrize(
    ("settings", "spec"),
    [
        ({"headless": True}, {"clusterIP": "None"}),
        ({"trafficDistribution": "PreferClose"}, {"trafficDistribution": "PreferClose"}),
        ({"portName": "grpc"}, {"ports": [{**PORT, "name": "grpc"}]}),
        ({"targetPort": "web"}, {"ports": [{**PORT, "targetPort": "web"}]}),
        ({"appProtocol": "http2"}, {"ports": [{**PORT, "appProtocol": "http2"}]}),
        (
            {"portDiscovery": True},
            {"ports": [PORT, {"name": "grpc", "protocol": "TCP", "port": 9090, "targetPort": 9090}]},
        ),
    ],
)
def test_the_service_settings_are_heeded(settings: dict[str, Any], spec: Manifest) -> None:
    made = services(**settings)["ad-canary"]

    assert made["spec"] == {"type": "ClusterIP", "selector": {"app": "ad"}, "ports": [PORT], **spec}


def test_of_a_service_that_others_made_only_ports_and_selector_change() -> None:
    ports = [{"name": "http", "port": 80, "nodePort": 30080}, {"name": "old", "port": 1}]
    spec = {"type": "NodePort", "clusterIP": "10.0.0.7", "selector": {"app": "ad"}, "ports": ports}
    before = {"metadata": {"name": "ad", "labels": {"team": "weather"}, "annotations": {"note": "x"}}, "spec": spec}

    made = services({"Service/ad": before}, apex={"labels": {"tier": "front"}})["ad"]

    changed = {"selector": {"app": "ad-primary"}, "ports": [{**PORT, "nodePort": 30080}]}
    assert made["spec"] == {**spec, **changed}
    assert made["metadata"]["labels"] == {"team": "weather"}
    assert made["metadata"]["annotations"].keys() > {"note", *FLUX}


def test_marks_that_others_put_on_our_service_stay() -> None:
    before = services()["ad"]
    before["metadata"]["annotations"]["cloud.example/balancer"] = "7"

    made = services({"Service/ad": before}, apex={"labels": {"tier": "front"}})["ad"]

    assert made["metadata"]["annotations"]["cloud.example/balancer"] == "7"
    assert made["metadata"]["labels"] == {"app": "ad", "tier": "front"}


def test_a_target_that_is_a_service_has_its_arms_made_by_others() -> None:
    site = routing.site("istio")
    target = router_drafts.draft(site).target
    assert target

    plain = type(target)(SERVICE, "ad", {})

    assert [name.partition("/")[0] for name in router_drafts.companions(site, target=plain)] == ["DestinationRule"] * 2


def test_what_is_made_goes_with_the_canary(cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "istio")
    document = {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": _spec()}
    canary = cluster.create(CANARY, {"apiVersion": CANARY.api_version, "kind": CANARY.kind, **document})

    scene.router().shift(Route())

    owned = [*cluster.list(SERVICE, NAMESPACE), scene.split() or {}]
    assert {item["metadata"]["ownerReferences"][0]["uid"] for item in owned} == {canary["metadata"]["uid"]}


def _spec() -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"}
    analysis = {"interval": "10s", "threshold": 3, "stepWeight": 20}
    return {"targetRef": target, "service": {"port": 80}, "analysis": analysis}


def test_without_a_mesh_the_service_leads_to_one_arm_or_the_other(cluster: Cluster) -> None:
    router = routing.set_up(cluster, "kubernetes").router()
    for percent in (0, 100, 0):
        router.shift(Route(percent))

        selector = (cluster.get(SERVICE, NAMESPACE, "ad") or {})["spec"]["selector"]
        assert selector == {"app": "ad" if percent else "ad-primary"}
        assert router.read() == Route(percent)


def test_without_a_mesh_a_service_that_others_made_says_nothing_yet(cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "kubernetes")
    spec = {"selector": {"app": "ad"}, "ports": [{"name": "http", "port": 80}]}
    manifest = {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": spec}
    cluster.create(SERVICE, {"apiVersion": "v1", "kind": "Service", **manifest})

    assert scene.router().read() == Route()


def test_without_a_mesh_a_selector_that_somebody_set_back_is_seen(cluster: Cluster) -> None:
    router = routing.set_up(cluster, "kubernetes").router()
    router.shift(Route())

    cluster.patch(SERVICE, NAMESPACE, "ad", {"spec": {"selector": {"app": "ad"}}})

    assert router.read() == Route(100)


def test_without_a_mesh_nothing_can_be_split(cluster: Cluster, api: ApiServer) -> None:
    router = routing.set_up(cluster, "kubernetes").router()

    with pytest.raises(ConfigurationError, match=r"provider kubernetes sends all traffic to one arm, 20 percent"):
        router.shift(Route(20))

    assert not [line for line in api.writes if line.endswith("/services/ad")]


def test_without_a_mesh_and_a_target_nobody_knows_the_pods(cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "kubernetes")
    scene.router().shift(Route())
    cluster.delete(DEPLOYMENT, NAMESPACE, "ad")

    with pytest.raises(ConfigurationError, match="the target is gone"):
        scene.router().shift(Route())


def test_services_of_another_canary_are_left_alone(cluster: Cluster) -> None:
    scene = routing.set_up(cluster, "istio")
    scene.router().shift(Route())
    scene.plan = replace(scene.plan, name="other")

    with pytest.raises(ConfigurationError, match="made for canary ad, not for other"):
        scene.router().shift(Route(20))
