"""The kinds of objects that a server keeps: the built-in ones, and those that a CustomResourceDefinition brings.

The rule to keep: what a kind may do (subresources, generations, unconditional updates) is as the real server has it.
"""

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object; its versions differ in nothing but their name, the first is preferred."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    custom: bool = False
    generations: bool = False
    """Whether metadata.generation counts changes of the spec."""
    must_name_version: bool = False
    """Whether a PUT without resourceVersion is refused."""

    def api_version(self, version: str) -> str:
        return f"{self.group}/{version}" if self.group else version

    def __str__(self) -> str:
        """As refusals name it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """As complaints about an object's fields name it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True, slots=True)
class Target:
    """What a path stands for: all objects of a kind, one of them, or a part of it."""

    resource: Resource
    version: str
    namespace: str = ""
    name: str = ""
    part: str = ""

    def shape(self, item: Manifest) -> Manifest:
        """An object as this path shows it: in the version that was asked for."""
        return {**item, "apiVersion": self.resource.api_version(self.version), "kind": self.resource.kind}


def _built_in(group: str, kind: str, plural: str, *traits: str, versions: tuple[str, ...] = ("v1",)) -> Resource:
    return Resource(
        group,
        versions,
        kind,
        plural,
        namespaced="cluster" not in traits,
        subresources=frozenset(traits) & {"status", "scale", "token"},
        generations="generations" in traits,
        must_name_version="versioned" in traits,
    )


BUILT_IN = (
    _built_in("", "Namespace", "namespaces", "cluster", "status"),
    _built_in("", "Service", "services", "status"),
    _built_in("", "Pod", "pods", "status"),
    _built_in("", "ConfigMap", "configmaps"),
    _built_in("", "Secret", "secrets"),
    _built_in("", "Event", "events"),
    _built_in("", "Endpoints", "endpoints"),
    _built_in("", "ServiceAccount", "serviceaccounts", "token"),
    _built_in("apps", "Deployment", "deployments", "status", "scale", "generations"),
    _built_in("apps", "DaemonSet", "daemonsets", "status", "generations"),
    _built_in("apps", "ReplicaSet", "replicasets", "status", "scale", "generations"),
    _built_in("apps", "StatefulSet", "statefulsets", "status", "scale", "generations"),
    _built_in("batch", "Job", "jobs", "status", "generations"),
    _built_in("discovery.k8s.io", "EndpointSlice", "endpointslices", "generations"),
    _built_in("coordination.k8s.io", "Lease", "leases", "versioned"),
    _built_in("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "status", versions=("v2", "v1")),
    _built_in("networking.k8s.io", "Ingress", "ingresses", "status", "generations"),
    _built_in("policy", "PodDisruptionBudget", "poddisruptionbudgets", "status", "generations"),
    _built_in("rbac.authorization.k8s.io", "Role", "roles"),
    _built_in("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
    _built_in("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", "cluster"),
    _built_in("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", "cluster"),
    _built_in(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "cluster",
        "status",
        "generations",
    ),
)
NAMESPACES = BUILT_IN[0]
DEFINITIONS = BUILT_IN[-1]


def from_definition(definition: Manifest) -> Resource:
    """The kind that a CustomResourceDefinition defines."""
    spec = definition["spec"]
    served = [version for version in spec["versions"] if version["served"]]
    stored_first = sorted(served, key=lambda version: not version.get("storage"))
    parts = {part for version in served for part in version.get("subresources") or {}}
    return Resource(
        spec["group"],
        tuple(version["name"] for version in stored_first),
        spec["names"]["kind"],
        spec["names"]["plural"],
        namespaced=spec["scope"] == "Namespaced",
        subresources=frozenset(parts),
        custom=True,
        generations=True,
        must_name_version=True,
    )
