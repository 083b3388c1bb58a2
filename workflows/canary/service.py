"""Read `spec.service` and the references of `spec`: what is released, and what traffic is moved."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from workflows.canary.hooks import warn_of_other_namespace
from workflows.canary.schema.service import SERVICE
from workflows.canary.schema.words import SERVICE_NAME
from workflows.canary.section import Section
from workflows.rollout.plan import Autoscaler, Reference, Service

_SETTINGS = SERVICE.fields.keys() - {"name", "port", "portName", "targetPort"}
_REFERENCES = ("ingressRef", "routeRef", "upstreamRef")
_KNATIVE_GROUP = "serving.knative.dev/"
_KNATIVE_PORT = 80


def read_reference(spec: Section, name: str, namespace: str) -> Reference | None:
    """Give a reference of `spec`, None where there is none."""
    if not spec.wrote(name):
        return None
    reference = spec.section(name)
    return Reference(
        kind=reference.get("kind", ""),
        name=reference.get("name", ""),
        api_version=reference.get("apiVersion", ""),
        namespace=reference.get("namespace", namespace),
    )


def read_autoscaler(spec: Section) -> Autoscaler | None:
    """Give the target's autoscaler and what the primary's has otherwise, None where there is none."""
    if not spec.wrote("autoscalerRef"):
        return None
    reference = spec.section("autoscalerRef")
    bounds = reference.section("primaryScalerReplicas")
    return Autoscaler(
        kind=reference.get("kind", ""),
        name=reference.get("name", ""),
        api_version=reference.get("apiVersion", ""),
        min_replicas=bounds.get("minReplicas", 0) or None,
        max_replicas=bounds.get("maxReplicas", 0) or None,
        queries=reference.texts("primaryScalerQueries"),
    )


def read_references(spec: Section, namespace: str) -> Mapping[str, Reference]:
    """Give the references that only some routers use, by the names of their fields."""
    warn_of_other_namespace(spec.section("upstreamRef"), namespace)
    found = {name: read_reference(spec, name, namespace) for name in _REFERENCES}
    return MappingProxyType({name: reference for name, reference in found.items() if reference})


def read_service(spec: Section, target: Reference) -> Service:
    """Give the service with its defaults: the target's name, the port as target port, `http` as port name."""
    service = spec.section("service")
    if spec.present and not spec.wrote("service") and not is_knative(target):
        spec.error("service", "is required and missing; give at least service.port")
    _check_name(spec, service, target)
    port = service.get("port", _KNATIVE_PORT)
    settings = {name: value for name, value in service.written.items() if name in _SETTINGS}
    return Service(
        name=service.get("name", target.name),
        port=port,
        target_port=service.get("targetPort", 0) or service.get("targetPort", "") or port,
        port_name=service.get("portName", "http"),
        settings=MappingProxyType(settings),
    )


def is_knative(target: Reference) -> bool:
    """Tell whether the target is a Knative service."""
    return target.kind == "Service" and target.api_version.startswith(_KNATIVE_GROUP)


def _check_name(spec: Section, service: Section, target: Reference) -> None:
    """Refuse a target whose name cannot become the name of services (55 characters, no dot, a letter first)."""
    if service.wrote("name") or not target.name:
        return
    if not re.fullmatch(SERVICE_NAME.pattern, target.name):
        message = "cannot name the services; give service.name (a letter, then a-z, 0-9, -; at most 55 characters)"
        spec.section("targetRef").error("name", message)
