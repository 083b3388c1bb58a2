"""List the fields of `spec.service`."""

from workflows.canary.schema import traffic
from workflows.canary.schema.words import SERVICE_NAME, TEXT, TEXT_TABLE, TEXTS
from workflows.canary.shapes import Flag, Items, PortName, Record, Span, Text, Whole

_MARKS = Record({"labels": TEXT_TABLE, "annotations": TEXT_TABLE})
_MOST_GATEWAYS = 32

SERVICE = Record(
    {
        "name": SERVICE_NAME,
        "port": Whole(1, 65535),
        "portName": TEXT,
        "targetPort": PortName(),
        "appProtocol": TEXT,
        "trafficDistribution": Text(choices=("PreferClose", "PreferSameZone", "PreferSameNode")),
        "portDiscovery": Flag(),
        "headless": Flag(),
        "timeout": Span(positive=False),
        "backendTimeout": Span(positive=False),
        "gateways": TEXTS,
        "gatewayRefs": Items(traffic.GATEWAY_REF, _MOST_GATEWAYS),
        "hosts": TEXTS,
        "delegation": Flag(),
        "match": Items(traffic.HTTP_MATCH),
        "rewrite": traffic.REWRITE,
        "retries": traffic.RETRIES,
        "headers": traffic.HEADERS,
        "mirror": Items(traffic.MIRROR),
        "corsPolicy": traffic.CORS_POLICY,
        "trafficPolicy": traffic.TRAFFIC_POLICY,
        "meshName": TEXT,
        "backends": TEXTS,
        "apex": _MARKS,
        "primary": _MARKS,
        "canary": _MARKS,
        "unmanagedMetadata": Record({"annotations": TEXTS, "labels": TEXTS}),
    },
    required=("port",),
)
