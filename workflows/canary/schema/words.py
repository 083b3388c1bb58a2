"""Name the kinds of text that several parts of a Canary file share."""

from workflows.canary.shapes import Items, Record, Table, Text

TEXT = Text()
TEXTS = Items(TEXT)
TEXT_TABLE = Table(TEXT)
QUERY = Text(pattern=r"(?s:.*\S.*)", rule="a query")

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

LABEL = Text(pattern=f"(?=.{{1,63}}$){_LABEL}", rule="a name of at most 63 characters (a-z, 0-9, -)")
"""The name of a namespace."""

SUBDOMAIN = Text(
    pattern=rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
    rule="a name of at most 253 characters (a-z, 0-9, -, .)",
)
"""The name of most objects."""

SERVICE_NAME = Text(
    pattern="(?=.{1,55}$)[a-z]([-a-z0-9]*[a-z0-9])?",
    rule="a service name that leaves room for '-primary' (a letter, then a-z, 0-9, -; at most 55 characters)",
)
"""The name of a service that gets a primary and a canary beside it."""

KIND = Text(pattern="(?=.{1,63}$)[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?", rule="the kind of an object, such as Gateway")
GROUP = Text(pattern=rf"|(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", rule="an API group, such as gateway.networking.k8s.io")

MATCH = Record(
    {"exact": TEXT, "prefix": TEXT, "regex": TEXT},
    alternatives=("exact", "prefix", "regex"),
)
"""Istio's StringMatch."""
