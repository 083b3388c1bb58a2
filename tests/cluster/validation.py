"""Refuse objects that the real server refuses, as far as our adapters could write such."""

import re

from tests.cluster import statuses
from tests.cluster.resources import Manifest, Resource

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SELECTED = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")


def check_name(resource: Resource, name: str) -> None:
    """Raise Refusal for no name, or for one that is not a name in DNS (RBAC's are not)."""
    if not name:
        required = "Required value: name or generateName is required"
        raise statuses.invalid(resource, "", "metadata.name", required)
    if resource.group == "rbac.authorization.k8s.io":
        return
    if resource.kind == "Service" and not resource.custom:
        if not _LABEL.fullmatch(name) or len(name) > 63:
            rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-'"
            raise statuses.invalid(resource, name, "metadata.name", f'Invalid value: "{name}": {rule}')
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
        raise statuses.invalid(resource, name, "metadata.name", f'Invalid value: "{name}": {rule}')


def check(resource: Resource, item: Manifest) -> None:
    """Raise Refusal for contents that the kind forbids."""
    name = item["metadata"]["name"]
    if resource.kind in _SELECTED and not resource.custom:
        _check_selector(resource, name, item.get("spec") or {})
    if resource.kind == "Event" and not resource.custom:
        about, place = (item.get("involvedObject") or {}).get("namespace", ""), item["metadata"]["namespace"]
        if about != place and (about or place != "default"):
            complaint = f'Invalid value: "{about}": does not match event.namespace'
            raise statuses.invalid(resource, name, "involvedObject.namespace", complaint)


def _check_selector(resource: Resource, name: str, spec: Manifest) -> None:
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    if not spec.get("selector"):
        raise statuses.invalid(resource, name, "spec.selector", "Required value")
    template = spec.get("template") or {}
    carried = (template.get("metadata") or {}).get("labels") or {}
    if any(carried.get(key) != value for key, value in labels.items()):
        complaint = "Invalid value: `selector` does not match template `labels`"
        raise statuses.invalid(resource, name, "spec.template.metadata.labels", complaint)
    if not (template.get("spec") or {}).get("containers"):
        raise statuses.invalid(resource, name, "spec.template.spec.containers", "Required value")


def check_change(resource: Resource, found: Manifest, wanted: Manifest) -> None:
    """Raise Refusal for a change of what must stay."""
    if resource.kind in _SELECTED and not resource.custom and found["spec"]["selector"] != wanted["spec"]["selector"]:
        complaint = "Invalid value: field is immutable"
        raise statuses.invalid(resource, found["metadata"]["name"], "spec.selector", complaint)
