"""Hold what is examined: a cluster, a canary, a Prometheus, a service; what is None was not named or not found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from workflows.cluster.client import Cluster
from workflows.metrics import endpoint
from workflows.metrics.cluster import METRICS_SERVER
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.plan import RolloutPlan


@dataclass(frozen=True, slots=True)
class Patient:
    """Name the parts; `resolve` maps host:port of a webhook's url to the host:port that is asked instead."""

    cluster: Cluster | None = None
    plan: RolloutPlan | None = None
    prometheus: str = ""
    server: str = ""
    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    in_pod: bool = False

    @property
    def metrics_server(self) -> Endpoint | None:
        """Give where a release would ask for metrics."""
        named = self.prometheus or (self.plan.metrics_server if self.plan else "")
        address = named or (METRICS_SERVER if self.plan and self.cluster else "")
        return endpoint.at("prometheus", address) if address else None
