"""The verdict on a release in a cluster: by our record where we drive it, by the Canary's status where Flagger does."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.cluster.api_server import ApiServer
from tests.cluster.releases import canary
from tests.verdicts.test_verdict_metrics import SPEC
from tests.verdicts.two_arms import Prometheus, counting
from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY
from workflows.rollout import evidence
from workflows.rollout.case import Case, Look
from workflows.rollout.phase import Phase
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.terms import Terms
from workflows.states.kubernetes import KubernetesStateStore
from workflows.states.place import Place

PATH = "/api/v1/verdict?canary=ad.test"
BROKEN = TrafficCounts(ArmCounts({"2xx": 4000}), ArmCounts({"2xx": 900, "5xx": 100}))


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with counting() as server:
        yield server


@pytest.fixture
def client(cluster: Cluster, prometheus: Prometheus, tmp_path: Path) -> Iterator[FlaskClient]:
    app = serving.create(Settings(data_dir=tmp_path / "serve"), prometheus=prometheus.url, cluster=cluster)
    yield app.test_client()
    app.extensions[SERVICE].store.close()


def keep(cluster: Cluster, state: RolloutState, **annotations: str) -> None:
    """Do what a release of ours does."""
    document = canary()
    document["metadata"]["annotations"] = annotations
    store = KubernetesStateStore(cluster, Place("test", "ad"), SystemClock(), json.dumps(document))
    store.save(state, store.acquire("somebody", timedelta(minutes=1)))


def drive(cluster: Cluster, phase: str) -> None:
    """Do what Flagger's controller does."""
    cluster.create(CANARY, canary())
    status = {"phase": phase, "lastAppliedSpec": "5978589476", "canaryWeight": 20, "failedChecks": 1}
    cluster.patch(CANARY, "test", "ad", {"status": status}, "status")


def test_a_release_of_ours_stands_as_its_record_says(cluster: Cluster, client: FlaskClient) -> None:
    keep(cluster, RolloutState(Phase.SUCCEEDED, cause=Cause.PROMOTED))

    found = client.get(PATH).json

    assert found
    assert (found["verdict"], found["score"], found["phase"]) == ("passed", 100, "Succeeded")


def test_the_evidence_of_a_release_under_way_is_told(cluster: Cluster, client: FlaskClient) -> None:
    case = evidence.observe(Terms((30, 60)), Case(), Look(0, 30, BROKEN)).case
    keep(cluster, RolloutState(Phase.PROGRESSING, weight=30, case=case), **{"penstock.dev/judge": "evidence"})

    found = client.get(PATH).json

    assert found
    assert found["score"] < 5
    assert found["metrics"]["evidence"]["reason"] == "5xx: canary 100 of 1000, primary 0 of 4000"


def test_a_release_of_flaggers_stands_as_the_status_says(cluster: Cluster, client: FlaskClient) -> None:
    drive(cluster, "Progressing")

    found = client.get(PATH).json

    assert found
    assert (found["verdict"], found["reason"]) == ("inconclusive", "Progressing, canary weight 20, failed checks 1")


def test_a_canary_that_nobody_knows_is_a_404(client: FlaskClient) -> None:
    for more in ("", "&window=5m"):
        answer = client.get(PATH + more)
        assert (answer.status_code, "canary ad.test is" in answer.json["detail"]) == (404, True)


def test_the_metrics_of_a_canary_in_the_cluster_are_judged_by_its_own_limits(
    cluster: Cluster, client: FlaskClient, prometheus: Prometheus
) -> None:
    for arm in prometheus.traffic.arms:
        arm.namespace = "test"
    cluster.create(CANARY, canary())

    found = client.get(f"{PATH}&window=5m").json

    assert found
    assert (found["verdict"], found["metrics"].keys()) == ("passed", {"request-success-rate"})


@pytest.mark.parametrize(("value", "verdict"), [("7", "passed"), ("3", "failed"), (None, "inconclusive")])
def test_queries_of_a_canary_in_the_cluster_are_asked(
    cluster: Cluster, client: FlaskClient, prometheus: Prometheus, value: str | None, verdict: str
) -> None:
    prometheus.traffic.value = value
    check = {"name": "depth", "query": "queue_depth", "thresholdRange": {"min": 5}}
    cluster.create(CANARY, canary(analysis={**SPEC["analysis"], "metrics": [check]}))

    found = client.get(f"{PATH}&window=5m").json

    assert found
    assert found["metrics"]["depth"]["verdict"] == verdict


def test_a_query_that_cannot_be_asked_now_is_asked_for_again(
    cluster: Cluster, client: FlaskClient, prometheus: Prometheus
) -> None:
    prometheus.traffic.mute = True
    check = {"name": "depth", "query": "queue_depth", "thresholdRange": {"min": 5}}
    cluster.create(CANARY, canary(analysis={**SPEC["analysis"], "metrics": [check]}))

    answer = client.get(f"{PATH}&window=5m")

    assert (answer.status_code, answer.json["detail"][:13]) == (503, "metric depth:")


def test_a_cluster_that_is_away_is_asked_for_again(
    small_api: ApiServer, small_cluster: Cluster, tmp_path: Path
) -> None:
    small_cluster._patience_s = 0.1
    app = serving.create(Settings(data_dir=tmp_path), prometheus="http://127.0.0.1:9", cluster=small_cluster)

    with small_api.away():
        answer = app.test_client().get(PATH)

    app.extensions[SERVICE].store.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_the_command_asks_the_cluster_itself(cluster: Cluster, api: ApiServer, tmp_path: Path) -> None:
    keep(cluster, RolloutState(Phase.FAILED, cause=Cause.CHECKS))
    where = ["--canary", "ad", "-n", "test", "--kubeconfig", str(api.kubeconfig(tmp_path))]

    assert main(["verdict", *where]) == 10
    assert main(["verdict", "--canary", "nobody", *where[2:]]) == 78


def test_the_command_judges_a_canary_of_the_cluster(
    cluster: Cluster, api: ApiServer, prometheus: Prometheus, tmp_path: Path
) -> None:
    for arm in prometheus.traffic.arms:
        arm.namespace = "test"
    cluster.create(CANARY, canary())
    where = ["--canary", "ad", "-n", "test", "--kubeconfig", str(api.kubeconfig(tmp_path))]

    assert main(["verdict", *where, "--prometheus", prometheus.url, "--window", "5m"]) == 0
