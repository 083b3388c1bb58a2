"""Fill in what the real server fills in, so that a writer who compares must reckon with it here too."""

import base64

from tests.cluster.resources import Manifest, Resource

_TEMPLATE = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}


def fill(resource: Resource, item: Manifest, before: Manifest | None = None) -> None:
    """Fill an object in place; `before` is the one that it replaces."""
    if resource.custom:
        return
    match resource.kind:
        case "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet":
            _fill_workload(resource.kind, item.setdefault("spec", {}))
        case "Service":
            _fill_service(item.setdefault("spec", {}), before or {})
        case "HorizontalPodAutoscaler":
            item.setdefault("spec", {}).setdefault("minReplicas", 1)
        case "Secret":
            item.setdefault("type", "Opaque")
            for key, text in (item.pop("stringData", None) or {}).items():
                item.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
        case "Namespace":
            item["status"] = {"phase": "Active"}
        case _:
            pass


def _fill_workload(kind: str, spec: Manifest) -> None:
    surge = {"maxUnavailable": "25%", "maxSurge": "25%"}
    if kind == "Deployment":
        spec.setdefault("replicas", 1)
        spec.setdefault("progressDeadlineSeconds", 600)
        spec.setdefault("strategy", {"type": "RollingUpdate", "rollingUpdate": surge})
    if kind == "DaemonSet":
        rolling = {"maxUnavailable": 1, "maxSurge": 0}
        spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": rolling})
    if kind in ("Deployment", "DaemonSet"):
        spec.setdefault("revisionHistoryLimit", 10)
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    pod = template.setdefault("spec", {})
    for field, value in _TEMPLATE.items():
        pod.setdefault(field, value)
    pod.setdefault("securityContext", {})
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        _fill_container(container)


def _fill_container(container: Manifest) -> None:
    tag = container.get("image", "").rpartition(":")[2]
    container.setdefault("imagePullPolicy", "Always" if "/" in tag or tag in ("", "latest") else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")


def _fill_service(spec: Manifest, before: Manifest) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    address = (before.get("spec") or {}).get("clusterIP") or "10.96.0.10"
    spec.setdefault("clusterIP", address)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
