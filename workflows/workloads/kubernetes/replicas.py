"""Give a workload its pods, or none.

Pure. The rule to keep: pods that are there already stay as many as they are; who applied them may have meant it.
"""

import copy

from workflows.cluster.kinds import DEPLOYMENT, Kind, Manifest
from workflows.workloads.kubernetes.progress import replicas_of
from workflows.workloads.kubernetes.templates import SCALED_TO_ZERO, STARTED_WITH, drop


def scale_up(kind: Kind, found: Manifest, size: int) -> Manifest:
    """Give a workload pods: a Deployment without any gets so many, a DaemonSet one on each of its nodes again."""
    wanted = copy.deepcopy(found)
    if kind is DEPLOYMENT:
        wanted["spec"]["replicas"] = replicas_of(found) or max(1, size)
    else:
        drop(wanted["spec"]["template"], ("spec", "nodeSelector"), SCALED_TO_ZERO)
    return wanted


def scale_down(kind: Kind, found: Manifest) -> Manifest:
    """Take all pods from a workload."""
    wanted = copy.deepcopy(found)
    if kind is DEPLOYMENT:
        wanted["spec"]["replicas"] = 0
    else:
        pod = wanted["spec"]["template"]["spec"]
        pod["nodeSelector"] = {**(pod.get("nodeSelector") or {}), SCALED_TO_ZERO: "true"}
    return wanted


def restart_with(found: Manifest, wanted: Manifest, digest: str) -> Manifest:
    """Note the configs that the pods start with; pods that run with others are restarted, as nothing else does it."""
    annotations = wanted["metadata"].setdefault("annotations", {})
    before = annotations.get(STARTED_WITH, digest)
    annotations[STARTED_WITH] = digest
    if before != digest and found["spec"].get("replicas") != 0:
        metadata = wanted["spec"]["template"].setdefault("metadata", {})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), STARTED_WITH: digest}
    return wanted
