"""Name the series in which each mesh and gateway counts requests: one table, provider by provider.

Pure. Source: Flagger's built-in queries, here as counters of both arms. The rule to keep: what differs between
providers stands in the table; a provider that cannot tell an arm says so in its note.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflows.errors import ConfigurationError

_SECONDS = 1000.0
_MILLISECONDS = 1.0
_WORD = "[0-9a-zA-Z-]+"


@dataclass(frozen=True, slots=True)
class Series:
    """Say how one provider counts.

    `requests` and `buckets` are metrics, the latter with bounds of `unit_ms` each; `code` is the label with the
    outcome, `arm` the one that tells the arms apart, by regular expressions; None is an arm that has none.
    `selectors` hold for both metrics, `timed` for the buckets alone. Braces are filled in from the plan.
    """

    requests: str
    code: str
    buckets: str
    unit_ms: float
    selectors: tuple[str, ...]
    arm: str
    canary: str
    primary: str | None
    timed: tuple[str, ...] = ()
    note: str = ""


def _envoy(arm: str, canary: str, primary: str, note: str = "") -> Series:
    requests, buckets = "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket"
    return Series(requests, "envoy_response_code", buckets, _MILLISECONDS, (), arm, canary, primary, note=note)


_ISTIO = Series(
    "istio_requests_total",
    "response_code",
    "istio_request_duration_milliseconds_bucket",
    _MILLISECONDS,
    ('reporter="destination"', 'destination_workload_namespace="{namespace}"'),
    "destination_workload",
    "{target}",
    "{target}-primary",
)
_PODS = Series(
    "http_request_duration_seconds_count",
    "status",
    "http_request_duration_seconds_bucket",
    _SECONDS,
    ('kubernetes_namespace="{namespace}"',),
    "kubernetes_pod_name",
    "{target}-{pod}",
    "{target}-primary-{pod}",
    note="the application itself exports these series; the gateway's are not read",
)

SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "istio": _ISTIO,
        "kubernetes": _PODS,
        "gatewayapi:v1": _PODS,
        "gatewayapi:v1beta1": _PODS,
        "nginx": Series(
            "nginx_ingress_controller_requests",
            "status",
            "nginx_ingress_controller_response_duration_seconds_bucket",
            _SECONDS,
            ('namespace="{namespace}"', 'ingress="{ingress}"'),
            "canary",
            ".+",
            "",
            note="Flagger takes the average duration, this is the p99 of the same histogram",
        ),
        "linkerd": Series(
            "response_total",
            "classification",
            "response_latency_ms_bucket",
            _MILLISECONDS,
            ('namespace="{namespace}"', 'direction="inbound"'),
            "{kind}",
            "{target}",
            "{target}-primary",
            note="a failure is what Linkerd classifies as one",
        ),
        "traefik": Series(
            "traefik_service_request_duration_seconds_count",
            "code",
            "traefik_service_request_duration_seconds_bucket",
            _SECONDS,
            (),
            "service",
            f"{{namespace}}-{{service}}-canary-{_WORD}@kubernetescrd",
            f"{{namespace}}-{{service}}-primary-{_WORD}@kubernetescrd",
        ),
        "contour": _envoy(
            "envoy_cluster_name",
            f"{{namespace}}_{{service}}-canary_{_WORD}",
            f"{{namespace}}_{{service}}-primary_{_WORD}",
        ),
        "kuma": _envoy(
            "service",
            f"{{service}}-canary_{{namespace}}_svc_{_WORD}",
            f"{{service}}-primary_{{namespace}}_svc_{_WORD}",
        ),
        "gloo": _envoy(
            "envoy_cluster_name",
            f"{{namespace}}-{{service}}-canaryupstream-{_WORD}_{_WORD}",
            f"{{namespace}}-{{service}}-primaryupstream-{_WORD}_{_WORD}",
        ),
        "knative": _envoy(
            "envoy_cluster_name",
            "{namespace}/{canary_revision}",
            "{namespace}/{primary_revision}",
            note="the revisions are read from the Knative service",
        ),
        "skipper": Series(
            "skipper_response_duration_seconds_count",
            "code",
            "skipper_serve_route_duration_seconds_bucket",
            _SECONDS,
            (),
            "route",
            "kube(ew)?_{namespace_word}__{ingress_word}_canary__.*__{service_word}_canary(_[0-9]+)?",
            "kube(ew)?_{namespace_word}__{ingress_word}(_canary)?__.*__{service_word}(_primary)?(_[0-9]+)?",
            note="Flagger takes the average duration, this is the p99 of the same histogram",
        ),
        "apisix": Series(
            "apisix_http_status",
            "code",
            "apisix_http_latency_bucket",
            _MILLISECONDS,
            (),
            "route",
            "{namespace}_{route}(-{target})?-canary_.+",
            None,
            timed=('type="request"',),
            note="one route serves both arms: as with Flagger both are counted as the canary's, none as the primary's",
        ),
    }
)

SUCCESSORS: Mapping[str, str] = MappingProxyType(
    {
        "appmesh": "AWS ended App Mesh; move to a Gateway API implementation or to istio",
        "osm": "Open Service Mesh is archived; move to istio or linkerd",
        "smi": "the SMI specification is archived; move to linkerd with gatewayapi:v1",
    }
)


def find_series(provider: str) -> Series:
    """Give the series of a provider, Istio's when none is named; raises ConfigurationError for one without any."""
    name = provider or "istio"
    if name in SERIES:
        return SERIES[name]
    ended = SUCCESSORS.get(name.partition(":")[0])
    raise ConfigurationError(
        f"spec.provider: {name!r}: {ended}"
        if ended
        else f"spec.provider: unknown provider {name!r}; known: {', '.join(sorted(SERIES))}"
    )
