"""List the fields of a Canary, from its head to `spec`."""

from collections.abc import Mapping
from types import MappingProxyType

from workflows.canary.schema.analysis import ANALYSIS
from workflows.canary.schema.service import SERVICE
from workflows.canary.schema.words import LABEL, QUERY, SUBDOMAIN, TEXT, TEXT_TABLE
from workflows.canary.shapes import Anything, Flag, Link, Record, Shape, Text, Whole

BETA = "flagger.app/v1beta1"
ALPHA = "flagger.app/v1alpha3"

PROVIDERS = (
    "apisix",
    "appmesh",
    "appmesh:v1beta2",
    "contour",
    "gatewayapi:v1",
    "gatewayapi:v1beta1",
    "gloo",
    "istio",
    "knative",
    "kubernetes",
    "kuma",
    "linkerd",
    "nginx",
    "osm",
    "skipper",
    "smi:v1alpha1",
    "smi:v1alpha2",
    "smi:v1alpha3",
    "traefik",
)

_GATEWAY_API = "a mesh that serves the Gateway API, with provider gatewayapi:v1"
SUCCESSORS: Mapping[str, str] = MappingProxyType(
    {
        "appmesh": f"App Mesh is discontinued; move to {_GATEWAY_API}",
        "osm": f"Open Service Mesh is archived; move to istio, or to {_GATEWAY_API}",
        "smi": f"the Service Mesh Interface is archived; move to {_GATEWAY_API}",
    }
)
"""What to move to from the providers that are no more, by the word before their colon."""

_WRITTEN_BY_THE_CLUSTER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)

METADATA = Record(
    {
        "name": SUBDOMAIN,
        "namespace": LABEL,
        "labels": TEXT_TABLE,
        "annotations": TEXT_TABLE,
        **dict.fromkeys(_WRITTEN_BY_THE_CLUSTER, Anything()),
    },
    required=("name",),
)


def _reference(*kinds: str, **more: Shape) -> Record:
    fields = {"apiVersion": TEXT, "kind": Text(choices=kinds), "name": SUBDOMAIN, **more}
    return Record(fields, required=("apiVersion", "kind", "name"))


_REPLICAS = Whole(1)

SPEC = Record(
    {
        "provider": Text(choices=PROVIDERS, successors=SUCCESSORS),
        "metricsServer": Link(),
        "progressDeadlineSeconds": Whole(1),
        "targetRef": _reference("Deployment", "DaemonSet", "Service"),
        "autoscalerRef": _reference(
            "HorizontalPodAutoscaler",
            "ScaledObject",
            primaryScalerQueries=TEXT_TABLE,
            primaryScalerReplicas=Record({"minReplicas": _REPLICAS, "maxReplicas": _REPLICAS}),
        ),
        "ingressRef": _reference("Ingress"),
        "routeRef": _reference("ApisixRoute"),
        "upstreamRef": _reference("Upstream", namespace=LABEL),
        "service": SERVICE,
        "analysis": ANALYSIS,
        "canaryAnalysis": ANALYSIS,
        "skipAnalysis": Flag(),
        "revertOnDeletion": Flag(),
        "suspend": Flag(),
    },
    required=("targetRef",),
)

CANARY = Record(
    {
        "apiVersion": Text(choices=(BETA, ALPHA)),
        "kind": Text(choices=("Canary",)),
        "metadata": METADATA,
        "spec": SPEC,
        "status": Anything(),
    },
    required=("apiVersion", "kind", "metadata", "spec"),
)

TEMPLATE = Record(
    {
        "apiVersion": Text(choices=(BETA, "flagger.app/v1alpha1")),
        "kind": Text(choices=("MetricTemplate",)),
        "metadata": METADATA,
        "spec": Record(
            {
                "provider": Record(
                    {
                        "type": Text(
                            choices=(
                                "prometheus",
                                "influxdb",
                                "datadog",
                                "externalmetrics",
                                "stackdriver",
                                "cloudwatch",
                                "newrelic",
                                "graphite",
                                "dynatrace",
                                "keptn",
                                "splunk",
                            ),
                        ),
                        "address": TEXT,
                        "headers": Anything(),
                        "secretRef": Record({"name": SUBDOMAIN}, required=("name",)),
                        "region": TEXT,
                        "insecureSkipVerify": Flag(),
                    },
                    required=("type",),
                ),
                "query": QUERY,
            },
            required=("provider", "query"),
        ),
        "status": Anything(),
    },
    required=("metadata", "spec"),
)
