"""List the fields of `spec.analysis`."""

from webhooks.protocol import HookType
from workflows.canary.schema.words import LABEL, MATCH, QUERY, SUBDOMAIN, TEXT, TEXT_TABLE
from workflows.canary.shapes import Flag, Items, Link, Number, Record, Span, Table, Text, Whole

_ALL = 100
_PERCENT = Whole(0, _ALL)
_STEP = Whole(1, _ALL)
_SPAN = Span(admitted=True)
_COOKIE_NAME = Text(
    pattern=r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", rule="a cookie's name (letters, digits and !#$%&'*+-.^_`|~)"
)
_COOKIE_PART = Text(pattern="[ -:<-~]+", rule="part of a cookie (printable ASCII without ';')")
_HERE = Record({"name": SUBDOMAIN, "namespace": LABEL}, required=("name",))
_HEADER_MATCH = Record(
    {"exact": TEXT, "prefix": TEXT, "suffix": TEXT, "regex": TEXT},
    alternatives=("exact", "prefix", "suffix", "regex"),
    choose=True,
)

METRIC = Record(
    {
        "name": Text(pattern=".+", rule="a name"),
        "interval": _SPAN,
        "threshold": Number(),
        "thresholdRange": Record({"min": Number(), "max": Number()}),
        "query": QUERY,
        "templateRef": _HERE,
        "templateVariables": TEXT_TABLE,
    },
    required=("name",),
)

WEBHOOK = Record(
    {
        "name": Text(pattern=".+", rule="a name"),
        "type": Text(choices=("", *(kind.value for kind in HookType))),
        "url": Link(),
        "timeout": _SPAN,
        "retries": Whole(),
        "disableTLS": Flag(),
        "muteAlert": Flag(),
        "metadata": TEXT_TABLE,
    },
    required=("name", "url"),
)

ALERT = Record(
    {
        "name": Text(pattern=".+", rule="a name"),
        "severity": Text(choices=("", "info", "warn", "error")),
        "providerRef": _HERE,
    },
    required=("name", "providerRef"),
)

SESSION_AFFINITY = Record(
    {
        "cookieName": _COOKIE_NAME,
        "primaryCookieName": _COOKIE_NAME,
        "domain": _COOKIE_PART,
        "httpOnly": Flag(),
        "maxAge": Whole(),
        "partitioned": Flag(),
        "path": _COOKIE_PART,
        "sameSite": Text(choices=("Strict", "Lax", "None")),
        "secure": Flag(),
    },
    required=("cookieName",),
)

MATCHES = Items(
    Record({"headers": Table(_HEADER_MATCH), "queryParams": Table(MATCH), "sourceLabels": TEXT_TABLE}),
)

ANALYSIS = Record(
    {
        "interval": _SPAN,
        "threshold": Whole(-(2**31)),
        "iterations": Whole(),
        "maxWeight": _PERCENT,
        "stepWeight": _STEP,
        "stepWeights": Items(_STEP),
        "stepWeightPromotion": _PERCENT,
        "mirror": Flag(),
        "mirrorWeight": _PERCENT,
        "primaryReadyThreshold": _PERCENT,
        "canaryReadyThreshold": _PERCENT,
        "match": MATCHES,
        "metrics": Items(METRIC),
        "alerts": Items(ALERT),
        "webhooks": Items(WEBHOOK),
        "sessionAffinity": SESSION_AFFINITY,
    },
)
