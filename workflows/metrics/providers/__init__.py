"""Ask the providers of metrics that a MetricTemplate can name, one file each.

The rules to keep: a provider is loaded only when it is named, an unknown name is an error that lists the known ones,
and no provider picks one of several series, or takes an empty answer for a zero.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Protocol, cast

from workflows.cluster.client import Cluster
from workflows.errors import ConfigurationError
from workflows.metrics.endpoint import Endpoint

ENTRY_POINTS = "penstock.metrics"
"""The group in which other packages name providers of their own: callables that make a Provider of an Endpoint."""

EXTERNAL = "externalmetrics"

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "cloudwatch": "workflows.metrics.providers.cloudwatch:CloudWatch",
        "datadog": "workflows.metrics.providers.datadog:Datadog",
        "dynatrace": "workflows.metrics.providers.dynatrace:Dynatrace",
        "graphite": "workflows.metrics.providers.graphite:Graphite",
        "influxdb": "workflows.metrics.providers.influxdb:InfluxDB",
        "newrelic": "workflows.metrics.providers.newrelic:NewRelic",
        "penstock": "workflows.metrics.providers.load_report:LoadReports",
        "prometheus": "workflows.metrics.prometheus:Prometheus",
        "splunk": "workflows.metrics.providers.splunk:Splunk",
        "stackdriver": "workflows.metrics.providers.stackdriver:Stackdriver",
    }
)
_REFUSED = MappingProxyType(
    {"keptn": "its metrics API is no longer developed; ask the server behind it, as a prometheus or datadog template"}
)


class Provider(Protocol):
    """Answer queries in one provider's language."""

    def ask(self, query: str) -> float:
        """Give the one number that a query yields; raises NoAnswerError with the gap that stands in its place."""
        ...


def open_provider(where: Endpoint, cluster: Cluster) -> Provider:
    """Give the provider that an endpoint names; raises ConfigurationError for an unknown or incomplete one."""
    name = where.provider
    if name == EXTERNAL:
        external = import_module("workflows.metrics.providers.external")
        return cast("Provider", external.ExternalMetrics(where, cluster))
    if name in _REFUSED:
        raise ConfigurationError(f"provider {name} is not asked: {_REFUSED[name]}")
    build = _load(PROVIDERS[name]) if name in PROVIDERS else _discover(name)
    return build(where)


def _load(place: str) -> Callable[[Endpoint], Provider]:
    module, _, name = place.partition(":")
    return cast("Callable[[Endpoint], Provider]", getattr(import_module(module), name))


def _discover(name: str) -> Callable[[Endpoint], Provider]:
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        known = ", ".join(sorted({*PROVIDERS, EXTERNAL, *found}))
        raise ConfigurationError(f"unknown provider {name!r}; known: {known}")
    return cast("Callable[[Endpoint], Provider]", found[name].load())
