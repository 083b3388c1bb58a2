"""What our adapters rely on, held against the small server and, by `make test-cluster`, against a real one."""

from tests.cluster.kubelet import Kubelet
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT, Manifest


def deployment(name: str = "ad") -> Manifest:
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": "ad:v1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "test", "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_a_deployment_becomes_ready_where_the_kubelet_plays(cluster: Cluster, kubelet: Kubelet) -> None:
    cluster.create(DEPLOYMENT, deployment())

    kubelet.settle()

    found = cluster.get(DEPLOYMENT, "test", "ad")
    assert found is not None
    assert found["status"]["availableReplicas"] == 2
