"""Objects that tests write, as small as a real server takes them."""

from tests.cluster.resources import Manifest

DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"
CONFIG_MAPS = "/api/v1/namespaces/test/configmaps"
CANARIES = "/apis/flagger.app/v1beta1/namespaces/test/canaries"
ROUTES = "/apis/networking.istio.io/v1beta1/namespaces/test/virtualservices"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/test/leases"


def config_map(name: str = "settings", **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "test"},
        "data": data or {"colour": "blue"},
    }


def deployment(name: str = "ad", image: str = "ad:v1", replicas: int = 2) -> Manifest:
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": image}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "test", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def service(name: str = "ad") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def canary(name: str = "ad") -> Manifest:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 3, "maxWeight": 60, "stepWeight": 20},
        },
    }


def route(name: str = "ad", primary: int = 100) -> Manifest:
    arms = ((f"{name}-primary", primary), (f"{name}-canary", 100 - primary))
    rule = {"route": [{"destination": {"host": host}, "weight": weight} for host, weight in arms]}
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {"hosts": [name], "gateways": ["mesh"], "http": [rule]},
    }


def lease(name: str = "ad", holder: str = "us") -> Manifest:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "test"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30},
    }
