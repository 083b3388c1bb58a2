"""Say how the arms of a plan are told apart in a provider's counters.

Pure. By the provider's own names, by the revisions of a Knative service, or by the pod template hashes of an Argo
Rollout, whose arms are pods of one workload.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from workflows.errors import ConfigurationError
from workflows.metrics.queries import Queries, Revisions, write_queries
from workflows.metrics.series import Series, find_series
from workflows.rollout.plan import RolloutPlan

_POD_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "istio": "pod",
        "linkerd": "pod",
        "kubernetes": "kubernetes_pod_name",
        "gatewayapi:v1": "kubernetes_pod_name",
        "gatewayapi:v1beta1": "kubernetes_pod_name",
    }
)
_SUFFIX = "[0-9a-z]+"


@dataclass(frozen=True, slots=True)
class Lens:
    """Hold which series are read, and the queries that read them for one plan."""

    series: Series
    queries: Queries


def look_by_names(plan: RolloutPlan, revisions: Revisions | None = None) -> Lens:
    """Tell the arms as the provider names them; raises ConfigurationError for a provider that counts nothing."""
    series = find_series(plan.provider)
    return Lens(series, write_queries(series, plan, revisions or Revisions()))


def look_by_hashes(plan: RolloutPlan, hashes: Revisions) -> Lens:
    """Tell the arms by the hashes in their pods' names, as an Argo Rollout writes them."""
    provider = plan.provider or "istio"
    series = find_series(provider)
    if provider not in _POD_LABELS:
        raise ConfigurationError(
            f"primaryHash, canaryHash: {provider} does not count by pods; leave them out, its arms are told by the "
            f"names {plan.service.name}-primary and {plan.service.name}-canary"
        )
    canary, primary = (f"{{target}}-{each}-{_SUFFIX}" for each in (hashes.canary, hashes.primary))
    by_pod = replace(series, arm=_POD_LABELS[provider], canary=canary, primary=primary)
    return Lens(by_pod, write_queries(by_pod, plan, Revisions()))
