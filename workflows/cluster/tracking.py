"""Know the labels and annotations by which GitOps tools and controllers know their own, and prune the rest."""

from collections.abc import Mapping

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


def without_tracking(marks: Mapping[str, str]) -> dict[str, str]:
    """Give labels or annotations without those that bind an object to a tool."""
    return {name: value for name, value in marks.items() if not name.startswith(_TRACKING)}
