"""Read what a plan releases: the target's object, the label that picks its pods, and the ports they open.

The rule to keep: a target whose pods cannot be told from the primary's is refused before anything is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DAEMON_SET, DEPLOYMENT, KNATIVE_SERVICE, SERVICE, Kind, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan, Service

SELECTOR_LABELS = "penstock.dev/selector-labels"
"""The Canary's annotation that names other selector labels, with commas between them."""

PRIMARY_REVISION = "flagger.app/primary-revision"
"""The annotation of a Knative service that names the primary's revision (Flagger's)."""

_USUAL_LABELS = ("app", "name", "app.kubernetes.io/name")
_KINDS = (DEPLOYMENT, DAEMON_SET, SERVICE, KNATIVE_SERVICE)
_SIDECARS = frozenset({"envoy", "istio-proxy"})


@dataclass(frozen=True, slots=True)
class Target:
    """Hold a target as it was read: `label` and `value` pick its pods, both empty for Services.

    `ports` are those beside the service's own, by name; empty unless the plan asks for port discovery.
    """

    kind: Kind
    name: str
    manifest: Manifest
    label: str = ""
    value: str = ""
    ports: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def primary_name(self) -> str:
        """Name the object that serves the users."""
        return f"{self.name}-primary"

    @property
    def primary_value(self) -> str:
        """Give the label's value by which the primary's pods are picked."""
        return f"{self.value}-primary"


def kind_of(plan: RolloutPlan) -> Kind:
    """Give the kind of a plan's target; raises ConfigurationError for one that cannot be released."""
    target = plan.target
    for kind in _KINDS:
        if target.kind == kind.kind and target.api_version in {"", kind.api_version}:
            return kind
    known = ", ".join(map(str, _KINDS))
    raise ConfigurationError(
        f"{plan.key}: spec.targetRef: {target.kind} ({target.api_version}) cannot be released; known: {known}"
    )


def read_target(cluster: Cluster, plan: RolloutPlan) -> Target:
    """Read a plan's target; raises ConfigurationError when it is missing or has no usable selector label."""
    kind = kind_of(plan)
    manifest = cluster.get(kind, plan.namespace, plan.target.name)
    if manifest is None:
        raise ConfigurationError(
            f"{plan.key}: {kind.kind} {plan.target.name} in {plan.namespace}: not found; "
            "apply it first, or correct spec.targetRef"
        )
    return describe(kind, manifest, plan)


def describe(kind: Kind, manifest: Manifest, plan: RolloutPlan) -> Target:
    """Describe a target's object."""
    if kind in {SERVICE, KNATIVE_SERVICE}:
        return Target(kind, plan.target.name, manifest)
    label, value = _find_selector(kind, manifest, plan)
    ports = dict(_discover_ports(manifest, plan.service)) if plan.service.settings.get("portDiscovery") else {}
    return Target(kind, plan.target.name, manifest, label, value, MappingProxyType(ports))


def _find_selector(kind: Kind, manifest: Manifest, plan: RolloutPlan) -> tuple[str, str]:
    wanted = tuple(name.strip() for name in plan.annotations.get(SELECTOR_LABELS, "").split(",") if name.strip())
    labels = wanted or _USUAL_LABELS
    selector: Mapping[str, str] = (manifest["spec"].get("selector") or {}).get("matchLabels") or {}
    for label in labels:
        if label in selector:
            return label, selector[label]
    raise ConfigurationError(
        f"{plan.key}: {kind.kind} {plan.target.name} in {plan.namespace}: spec.selector.matchLabels has "
        f"{', '.join(sorted(selector)) or 'nothing'}, but none of {', '.join(labels)}; "
        f"add one of them, or name another label in the Canary's annotation {SELECTOR_LABELS}"
    )


def _discover_ports(manifest: Manifest, service: Service) -> Iterator[tuple[str, int]]:
    """Give the containers' other ports as Flagger does: not those of sidecars, not the one that is served already."""
    containers: list[Any] = manifest["spec"]["template"]["spec"].get("containers") or []
    for container in containers:
        if container["name"] in _SIDECARS:
            continue
        for index, port in enumerate(container.get("ports") or []):
            if service.target_port not in {port["containerPort"], port.get("name")}:
                yield port.get("name") or f"tcp-{container['name']}-{index}", port["containerPort"]
