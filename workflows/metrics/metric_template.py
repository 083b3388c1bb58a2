"""Read a MetricTemplate of the cluster: its query, and where and as whom it is asked.

The rule to keep: a template, a Secret or a field that is missing is a ConfigurationError that names it; the values of
a Secret never stand in a message.
"""

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import METRIC_TEMPLATE, SECRET, Manifest
from workflows.errors import ConfigurationError
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.plan import Check, Reference

PROVIDER = "penstock.dev/provider"
"""The annotation that names a provider which Flagger's CRD does not admit in `spec.provider.type`."""

_PROMETHEUS = "prometheus"


def read_template(cluster: Cluster, reference: Reference, check: Check) -> tuple[Endpoint, str] | None:
    """Give a template's endpoint and its query as it was written; None when there is no such template."""
    found = cluster.get(METRIC_TEMPLATE, reference.namespace, reference.name)
    if found is None:
        return None
    where = f"MetricTemplate {reference.name} in {reference.namespace}"
    spec, annotations = _mapping(found.get("spec")), _mapping(_mapping(found.get("metadata")).get("annotations"))
    provider = _mapping(spec.get("provider"))
    secrets = _read_secret(cluster, reference.namespace, provider, where)
    endpoint = Endpoint(
        provider=str(annotations.get(PROVIDER) or provider.get("type") or _PROMETHEUS),
        address=str(provider.get("address") or ""),
        interval=check.interval,
        secrets=secrets,
        headers=_read_headers(provider, where),
        region=str(provider.get("region") or ""),
        verify_tls=provider.get("insecureSkipVerify") is not True,
    )
    query = spec.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ConfigurationError(f"{where}: spec.query is empty")
    return endpoint, query


def _read_headers(provider: Manifest, where: str) -> Mapping[str, str]:
    headers = {}
    for name, values in _mapping(provider.get("headers")).items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ConfigurationError(f"{where}: spec.provider.headers.{name} is not a list of strings")
        headers[name] = ", ".join(values)
    return MappingProxyType(headers)


def _read_secret(cluster: Cluster, namespace: str, provider: Manifest, where: str) -> Mapping[str, str]:
    name = _mapping(provider.get("secretRef")).get("name")
    if not name:
        return MappingProxyType({})
    found = cluster.get(SECRET, namespace, str(name))
    if found is None:
        raise ConfigurationError(f"{where}: Secret {name} in {namespace}: not found")
    data = _mapping(found.get("data"))
    return MappingProxyType(
        {key: _decode(value, f"Secret {name} in {namespace}: {key}") for key, value in data.items()}
    )


def _decode(value: object, where: str) -> str:
    try:
        # Most tools that write a Secret from a file leave the file's last line break in it.
        return base64.b64decode(str(value), validate=True).decode().rstrip("\r\n")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{where} is not text in base64") from error


def _mapping(value: Any) -> Manifest:
    return value if isinstance(value, dict) else {}
