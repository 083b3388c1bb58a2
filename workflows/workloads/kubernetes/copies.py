"""Copy objects under another name: what people wrote comes along, what binds the original to its owners does not."""

import copy
from collections.abc import Mapping

from workflows.cluster.kinds import Manifest

_TRACKING = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "applyset.kubernetes.io/",
    "argocd.argoproj.io/",
    "autoscaling.keda.sh/",
    "configsync.gke.io/",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "fluxcd.io/",
    "helm.sh/",
    "helm.toolkit.fluxcd.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
    "penstock.dev/",
    "scaledobject.keda.sh/",
)
"""Begins of the labels and annotations by which GitOps tools and controllers know their own, and prune the rest."""


def copy_of(source: Manifest, name: str) -> Manifest:
    """Copy an object without its status, its identity and its tracking marks."""
    metadata = source["metadata"]
    wanted = {part: copy.deepcopy(content) for part, content in source.items() if part not in {"metadata", "status"}}
    marks = {part: without_tracking(metadata.get(part) or {}) for part in ("labels", "annotations")}
    return {**wanted, "metadata": {"name": name, "namespace": metadata["namespace"], **marks}}


def refresh(found: Manifest | None, wanted: Manifest) -> Manifest:
    """Bring an object that was found to what is wanted, keeping its identity and what others noted on it."""
    if found is None:
        return wanted
    metadata, asked = dict(found["metadata"]), wanted["metadata"]
    for part in ("labels", "annotations"):
        metadata[part] = {**(metadata.get(part) or {}), **asked.get(part, {})}
    if "ownerReferences" in asked:
        metadata["ownerReferences"] = asked["ownerReferences"]
    return {**found, **wanted, "metadata": {part: content for part, content in metadata.items() if content}}


def without_tracking(marks: Mapping[str, str]) -> dict[str, str]:
    """Give labels or annotations without those that bind an object to a tool."""
    return {name: value for name, value in marks.items() if not name.startswith(_TRACKING)}
