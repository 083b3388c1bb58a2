"""A release whose target is a DaemonSet: it is scaled by a node selector that no node satisfies."""

from datetime import timedelta

import pytest

from tests.cluster.kubelet import Kubelet
from tests.cluster.workload_objects import NAMESPACE, Owner, daemon_set, plan
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DAEMON_SET
from workflows.rollout.plan import Reference
from workflows.rollout.traffic import Arm, Readiness


@pytest.fixture
def daemons(cluster: Cluster, kubelet: Kubelet) -> Owner:
    owner = Owner(cluster, plan(target=Reference("DaemonSet", "ad", "apps/v1")))
    owner.apply(DAEMON_SET, daemon_set())
    owner.workload.initialise()
    kubelet.settle()
    return owner


def test_a_daemon_set_is_released_like_a_deployment(daemons: Owner, kubelet: Kubelet) -> None:
    revision = daemons.workload.revision()
    daemons.workload.scale(Arm.CANARY, up=False)
    kubelet.settle()
    down = daemons.workload.readiness(Arm.CANARY)
    daemons.workload.scale(Arm.CANARY, up=True)
    kubelet.settle()

    daemons.workload.promote(revision)

    assert daemons.workload.readiness(Arm.PRIMARY) == Readiness(ready=True, endpoints=2)
    assert (down.ready, down.reason) == (False, "scaled to zero")
    assert daemons.workload.readiness(Arm.CANARY).ready


def test_a_daemon_set_scaled_to_zero_keeps_its_revision_and_finds_no_node(daemons: Owner) -> None:
    before = daemons.workload.revision()
    daemons.workload.scale(Arm.CANARY, up=False)

    pod = daemons.read(DAEMON_SET, "ad")["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"flagger.app/scale-to-zero": "true"}
    assert daemons.workload.revision() == before


def test_a_daemon_set_promoted_at_zero_runs_on_its_nodes(daemons: Owner) -> None:
    daemons.workload.scale(Arm.CANARY, up=False)

    daemons.workload.promote(daemons.workload.revision())

    assert "nodeSelector" not in daemons.read(DAEMON_SET, "ad-primary")["spec"]["template"]["spec"]


def test_a_daemon_set_that_no_node_takes_is_not_ready_for_ever(daemons: Owner) -> None:
    status = daemons.read(DAEMON_SET, "ad")["status"]
    daemons.cluster.patch(
        DAEMON_SET,
        NAMESPACE,
        "ad",
        {"status": dict.fromkeys(status, 0) | {"observedGeneration": status["observedGeneration"]}},
        "status",
    )
    daemons.workload.readiness(Arm.CANARY)
    daemons.clock.sleep(timedelta(seconds=5))

    readiness = daemons.workload.readiness(Arm.CANARY)

    assert (readiness.reason, readiness.unready_for) == ("no ready endpoint of Service ad-canary", timedelta(seconds=5))
