"""The service with the evidence judge, beside a cluster."""

from pathlib import Path

from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving
from workflows.cluster.client import Cluster


def test_a_service_with_a_prometheus_asks_the_cluster_for_the_canary(tmp_path: Path, cluster: Cluster) -> None:
    app = serving.create(Settings(data_dir=tmp_path), prometheus="http://127.0.0.1:9", cluster=cluster)

    body = {"name": "ad", "namespace": "test", "metadata": {"judge": "evidence"}}
    answer = app.test_client().post("/hooks/rollout", json=body)

    app.extensions[SERVICE].store.close()
    assert answer.text == "canary ad.test is not in the cluster\n"
