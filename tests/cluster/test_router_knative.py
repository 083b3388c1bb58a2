"""What is written for Knative, whose own Service is the target and holds the split."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import routing
from tests.cluster.api_server import ApiServer
from tests.cluster.routing import NAMESPACE
from workflows.clocks import MemoryClock
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import KNATIVE_SERVICE, SERVICE, Manifest
from workflows.cluster.pen import Pen
from workflows.cluster.targets import PRIMARY_REVISION
from workflows.errors import ConfigurationError, UnavailableError
from workflows.ports import TrafficRouter
from workflows.rollout.plan import Reference
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import build_router
from workflows.routers.kubernetes.knative import DIALECT
from workflows.routers.kubernetes.site import Site

PLAN = replace(
    routing.plan("istio"), provider="knative", target=Reference("Service", "ad", KNATIVE_SERVICE.api_version)
)
READY = {"type": "RoutesReady", "status": "True"}


class Knative(MemoryClock):
    """A clock during whose passing Knative's controller takes what was written."""

    def __init__(self, cluster: Cluster, condition: dict[str, str] | None = None) -> None:
        super().__init__()
        self._cluster = cluster
        self._condition = condition or READY

    def sleep(self, duration: timedelta) -> None:
        super().sleep(duration)
        service = get(self._cluster)
        status = {"observedGeneration": service["metadata"]["generation"], "conditions": [self._condition]}
        self._cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"status": status}, "status")


def get(cluster: Cluster) -> Manifest:
    found = cluster.get(KNATIVE_SERVICE, NAMESPACE, "ad")
    assert found
    return found


def deploy(cluster: Cluster, revision: str = "ad-00001") -> None:
    manifest = {"metadata": {"name": "ad", "namespace": NAMESPACE}, "spec": {"template": {"spec": {"image": "v1"}}}}
    whose = {"apiVersion": KNATIVE_SERVICE.api_version, "kind": KNATIVE_SERVICE.kind}
    cluster.create(KNATIVE_SERVICE, {**whose, **manifest})
    status = {"status": {"latestCreatedRevisionName": revision}}
    cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", status, "status")


def router(cluster: Cluster, clock: MemoryClock | None = None) -> TrafficRouter:
    return build_router(Pen(cluster, NAMESPACE, lambda: 1, lambda: None), PLAN, clock or Knative(cluster))


def test_the_newest_revision_and_the_primarys_share_the_traffic(cluster: Cluster) -> None:
    deploy(cluster)

    router(cluster).shift(Route(20))

    service = get(cluster)
    assert service["spec"] == {
        "template": {"spec": {"image": "v1"}},
        "traffic": [
            {"latestRevision": True, "percent": 20},
            {"revisionName": "ad-00001", "latestRevision": False, "percent": 80},
        ],
    }
    assert service["metadata"]["annotations"][PRIMARY_REVISION] == "ad-00001"
    assert cluster.list(SERVICE, NAMESPACE) == []


def test_every_share_is_read_back(cluster: Cluster) -> None:
    deploy(cluster)
    for percent in (0, 20, 100, 0):
        router(cluster).shift(Route(percent))

        assert router(cluster).read() == Route(percent)


def test_a_revision_that_comes_later_does_not_become_the_primary(cluster: Cluster) -> None:
    deploy(cluster)
    router(cluster).shift(Route())
    cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"status": {"latestCreatedRevisionName": "ad-00002"}}, "status")

    router(cluster).shift(Route(20))

    assert get(cluster)["spec"]["traffic"][1]["revisionName"] == "ad-00001"


@pytest.mark.parametrize(
    ("annotations", "traffic", "route"),
    [
        ({}, [{"latestRevision": True, "percent": 100}], Route()),
        ({PRIMARY_REVISION: "ad-1"}, None, Route(100)),
        ({PRIMARY_REVISION: "ad-1"}, [{"percent": 100}], Route(100)),
        (
            {PRIMARY_REVISION: "ad-1"},
            [{"revisionName": "ad-1", "percent": 100}, {"tag": "next", "latestRevision": True}],
            Route(),
        ),
    ],
)
def test_what_others_wrote_is_read_for_what_it_does(
    annotations: dict[str, str], traffic: list[dict[str, Any]] | None, route: Route
) -> None:
    spec = {} if traffic is None else {"traffic": traffic}

    assert DIALECT.read(Site(PLAN), {"metadata": {"annotations": annotations}, "spec": spec}) == route


def test_a_split_that_cannot_be_read_is_left_to_its_owner(small_api: ApiServer, tmp_path: Path) -> None:
    cluster = connect(small_api.kubeconfig(tmp_path))
    deploy(cluster)
    router(cluster).shift(Route())
    cluster.patch(KNATIVE_SERVICE, NAMESPACE, "ad", {"spec": {"traffic": [{"percent": "many"}]}})

    with pytest.raises(ConfigurationError, match=r"Service ad in test: its split cannot be read .* mend its spec"):
        router(cluster).read()


def test_without_the_service_there_is_nothing_to_split(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="Service ad of Knative: not found"):
        router(cluster).shift(Route())


def test_without_a_revision_there_is_nothing_to_split(cluster: Cluster) -> None:
    deploy(cluster, revision="")

    with pytest.raises(ConfigurationError, match="Service ad of Knative has no revision yet"):
        router(cluster).shift(Route())


def test_a_split_that_knative_does_not_take_is_not_in_force(cluster: Cluster) -> None:
    deploy(cluster)

    with pytest.raises(UnavailableError, match="Service ad in test: Knative has not taken the split"):
        router(cluster, MemoryClock()).shift(Route(20))


def test_a_split_whose_routes_are_not_ready_is_not_in_force(cluster: Cluster) -> None:
    deploy(cluster)
    missing = {"type": "RoutesReady", "status": "False", "message": "revision missing"}

    with pytest.raises(UnavailableError, match=r"its routes are not ready \(revision missing\)"):
        router(cluster, Knative(cluster, missing)).shift(Route(20))
