"""Know what single providers of traffic need and cannot do, where that can be told from the file.

What would keep Flagger from ever scheduling the canary is an error, what it would only complain of a warning.
"""

from workflows.canary.schema.resource import SUCCESSORS
from workflows.canary.section import Section
from workflows.canary.service import is_knative
from workflows.rollout.plan import Reference, Strategy

_ISTIO = {"", "istio"}
_GATEWAY_API = {"gatewayapi:v1", "gatewayapi:v1beta1"}
_NEEDED_REFERENCES = {"apisix": "routeRef", "nginx": "ingressRef", "skipper": "ingressRef"}
_SMI = {"linkerd", "osm", "smi:v1alpha1", "smi:v1alpha2", "smi:v1alpha3"}
_WEIGHTS_ONLY = {"apisix", "knative", "kuma", "skipper", "traefik"}
_CANNOT_MATCH = _SMI | _WEIGHTS_ONLY
_CANNOT_MIRROR = _SMI | _WEIGHTS_ONLY | {"contour", "gloo", "kubernetes", "nginx"}


def check_target(spec: Section, target: Reference) -> None:
    """Check that Knative meets Knative, and no autoscaler meets it."""
    provider, knative = spec.get("provider", ""), is_knative(target)
    if knative and provider not in {"", "knative"}:
        spec.error("provider", "cannot move the traffic of a Knative service; give knative")
    if knative and not provider:
        spec.warn("provider", "is missing; a Knative service needs knative, whatever the controller's default is")
    if provider == "knative" and not knative and spec.wrote("targetRef"):
        spec.error("provider", "needs a targetRef of kind Service and apiVersion serving.knative.dev/v1")
    if knative and spec.wrote("autoscalerRef"):
        spec.error("autoscalerRef", "cannot be used with Knative, which scales by itself; remove it")


def check_service(spec: Section) -> None:
    """Check what the provider's router needs to know of the service."""
    provider, service = spec.get("provider", ""), spec.section("service")
    successor = SUCCESSORS.get(provider.partition(":")[0])
    if successor:
        spec.warn("provider", "is no more", successor)
    if provider in _GATEWAY_API and not service.written.get("gatewayRefs"):
        service.warn("gatewayRefs", f"is missing; provider {provider} needs the gateways that routes attach to")
    needed = _NEEDED_REFERENCES.get(provider, "")
    if needed and not spec.wrote(needed):
        spec.warn(needed, f"is missing; provider {provider} needs the object that leads to the service")
    excluded = [name for name in ("hosts", "gateways") if service.written.get(name)]
    if provider in _ISTIO and service.get("delegation", False) and excluded:
        service.error("delegation", f"excludes {' and '.join(excluded)}; the delegating VirtualService has them")


def check_abilities(analysis: Section, provider: str, strategy: Strategy) -> None:
    """Check that the provider can do what the analysis asks of it."""
    if strategy is Strategy.AB_TESTING and provider in _CANNOT_MATCH:
        analysis.warn("match", f"is beyond provider {provider}, which cannot pick requests")
    if analysis.get("mirror", False) and provider in _CANNOT_MIRROR:
        analysis.warn("mirror", f"is beyond provider {provider}, which cannot copy requests")
    if analysis.get("mirror", False) and provider in _GATEWAY_API and strategy is Strategy.CANARY:
        analysis.warn("mirror", f"is applied by Penstock, not by Flagger's {provider} while traffic moves by weight")
    if analysis.wrote("sessionAffinity") and provider not in _ISTIO | _GATEWAY_API:
        analysis.warn("sessionAffinity", f"is beyond provider {provider}; istio and gatewayapi know it")
