"""The /scale part of Deployments and the like: an object of its own, which knows the replicas and nothing else."""

from tests.cluster import statuses
from tests.cluster.resources import Manifest


def scale_of(item: Manifest) -> Manifest:
    """An object's Scale."""
    metadata, labels = item["metadata"], item["spec"].get("selector", {}).get("matchLabels", {})
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": item["spec"].get("replicas", 0)},
        "status": {"replicas": (item.get("status") or {}).get("replicas", 0), "selector": selector},
    }


def scaled(item: Manifest, scale: Manifest) -> Manifest:
    """The object with a Scale's replicas, under the version that the Scale names."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise statuses.bad_request(f"spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0")
    version = (scale.get("metadata") or {}).get("resourceVersion") or item["metadata"]["resourceVersion"]
    metadata = {**item["metadata"], "resourceVersion": version}
    return {**item, "metadata": metadata, "spec": {**item["spec"], "replicas": replicas}}
