"""List the fields of `spec.service` that go to a mesh as they are: match, retries, headers, CORS and traffic policy."""

from workflows.canary.schema.words import GROUP, KIND, LABEL, MATCH, SUBDOMAIN, TEXT, TEXT_TABLE, TEXTS
from workflows.canary.shapes import Flag, Items, Record, Span, Table, Text, Whole

_PORT = Whole(1, 65535)
_COUNT = Whole()
_SPAN = Span(positive=False)
_CHANGES = Record({"add": TEXT_TABLE, "set": TEXT_TABLE, "remove": TEXTS})

HTTP_MATCH = Record(
    {
        "authority": MATCH,
        "gateways": TEXTS,
        "headers": Table(MATCH),
        "ignoreUriCase": Flag(),
        "method": MATCH,
        "name": TEXT,
        "port": _PORT,
        "queryParams": Table(MATCH),
        "scheme": MATCH,
        "sourceLabels": TEXT_TABLE,
        "sourceNamespace": TEXT,
        "uri": MATCH,
        "withoutHeaders": Table(MATCH),
    },
)

RETRIES = Record({"attempts": _COUNT, "perTryTimeout": _SPAN, "retryOn": TEXT})
REWRITE = Record({"uri": TEXT, "authority": TEXT, "type": TEXT})
HEADERS = Record({"request": _CHANGES, "response": _CHANGES})

GATEWAY_REF = Record(
    {
        "group": GROUP,
        "kind": KIND,
        "name": SUBDOMAIN,
        "namespace": LABEL,
        "sectionName": SUBDOMAIN,
        "port": _PORT,
    },
    required=("name",),
)

MIRROR = Record(
    {
        "backendRef": Record(
            {"group": GROUP, "kind": KIND, "name": SUBDOMAIN, "namespace": LABEL, "port": _PORT},
            required=("name",),
        ),
    },
    required=("backendRef",),
)

CORS_POLICY = Record(
    {
        "allowCredentials": Flag(),
        "allowHeaders": TEXTS,
        "allowMethods": TEXTS,
        "allowOrigin": TEXTS,
        "allowOrigins": Items(Record(MATCH.fields, alternatives=MATCH.alternatives, choose=True)),
        "exposeHeaders": TEXTS,
        "maxAge": _SPAN,
    },
)

_CONSISTENT_HASH_KEYS = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")

_LOAD_BALANCER = Record(
    {
        "simple": Text(choices=("ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST")),
        "consistentHash": Record(
            {
                "httpCookie": Record({"name": TEXT, "path": TEXT, "ttl": _SPAN}),
                "httpHeaderName": TEXT,
                "httpQueryParameterName": TEXT,
                "minimumRingSize": _COUNT,
                "useSourceIp": Flag(),
            },
            alternatives=_CONSISTENT_HASH_KEYS,
            choose=True,
        ),
        "localityLbSetting": Record(
            {
                "distribute": Items(Record({"from": TEXT, "to": Table(_COUNT)})),
                "enabled": Flag(),
                "failover": Items(Record({"from": TEXT, "to": TEXT})),
            },
        ),
        "warmupDurationSecs": _SPAN,
    },
    alternatives=("simple", "consistentHash"),
    choose=True,
)

TRAFFIC_POLICY = Record(
    {
        "connectionPool": Record(
            {
                "http": Record(
                    {
                        "h2UpgradePolicy": Text(choices=("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")),
                        "http1MaxPendingRequests": _COUNT,
                        "http2MaxRequests": _COUNT,
                        "idleTimeout": _SPAN,
                        "maxRequestsPerConnection": _COUNT,
                        "maxRetries": _COUNT,
                    },
                ),
            },
        ),
        "loadBalancer": _LOAD_BALANCER,
        "outlierDetection": Record(
            {
                "baseEjectionTime": _SPAN,
                "consecutive5xxErrors": _COUNT,
                "consecutiveErrors": _COUNT,
                "consecutiveGatewayErrors": _COUNT,
                "consecutiveLocalOriginFailures": _COUNT,
                "interval": _SPAN,
                "maxEjectionPercent": _COUNT,
                "minHealthPercent": _COUNT,
                "splitExternalLocalOriginErrors": Flag(),
            },
        ),
        "tls": Record(
            {
                "caCertificates": TEXT,
                "clientCertificate": TEXT,
                "mode": Text(choices=("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
                "privateKey": TEXT,
                "sni": TEXT,
                "subjectAltNames": TEXTS,
            },
        ),
    },
)
