"""Join the providers of a Canary file to the dialects that serve them: the only place that knows them all."""

from collections.abc import Mapping
from types import MappingProxyType

from workflows.canary.schema.resource import SUCCESSORS
from workflows.cluster.pen import Pen
from workflows.errors import ConfigurationError
from workflows.ports import Clock, TrafficRouter
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes import (
    apisix,
    contour,
    gateway,
    gloo,
    istio,
    knative,
    kuma,
    nginx,
    services,
    skipper,
    traefik,
)
from workflows.routers.kubernetes.dialect import Dialect
from workflows.routers.kubernetes.router import KubernetesRouter

DEFAULT = "istio"
"""The provider of a plan that names none (Flagger: the controller's -mesh-provider)."""

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "apisix": apisix.DIALECT,
        "contour": contour.DIALECT,
        "gatewayapi:v1": gateway.V1,
        "gatewayapi:v1beta1": gateway.V1BETA1,
        "gloo": gloo.DIALECT,
        "istio": istio.DIALECT,
        "knative": knative.DIALECT,
        "kubernetes": services.DIALECT,
        "kuma": kuma.DIALECT,
        "linkerd": gateway.LINKERD,
        "nginx": nginx.DIALECT,
        "skipper": skipper.DIALECT,
        "traefik": traefik.DIALECT,
    }
)


def find_dialect(plan: RolloutPlan) -> Dialect:
    """Give the dialect of a plan's provider; raises ConfigurationError for one that is unknown or no more."""
    name = plan.provider or DEFAULT
    dialect = DIALECTS.get(name)
    if dialect is None:
        known = f"unknown; known: {', '.join(sorted(DIALECTS))}"
        raise ConfigurationError(f"{plan.key}: spec.provider: {name}: {SUCCESSORS.get(name.partition(':')[0], known)}")
    return dialect


def build_router(pen: Pen, plan: RolloutPlan, clock: Clock) -> TrafficRouter:
    """Give the router of a plan's provider; raises ConfigurationError for a plan that it cannot serve."""
    dialect = find_dialect(plan)
    refusal = dialect.refusal(plan)
    if refusal:
        raise ConfigurationError(f"{plan.key}: provider {plan.provider or DEFAULT}: {refusal}")
    return KubernetesRouter(pen, plan, dialect, clock)
