"""Say in JSON Schema what the HTTP API takes and gives."""

from collections.abc import Mapping
from types import MappingProxyType

from webhooks.routes.api.operations import Parameter, Schema
from webhooks.store.records import GateState, RunState

LONGEST_TEXT = 500
"""How many characters who and why may have."""

MOST_ON_A_PAGE = 200
"""How many things one page has at most."""

LONGEST_WAIT_S = 240
"""How many seconds a call waits for a run at most."""

NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
"""The names of Kubernetes objects."""

GATE = r"^[A-Za-z0-9*][A-Za-z0-9._-]{0,62}$"
"""The names of gates."""

RUN_ID = r"^[0-9a-f]{32}$"
"""The ids of runs."""

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": ["number", "null"], "description": "unix seconds"}


def _object(properties: Mapping[str, Schema], *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def _page(name: str, items: str) -> Schema:
    cursor = {"type": ["string", "null"], "description": "the cursor of the next page, null on the last"}
    return _object({name: {"type": "array", "items": {"$ref": f"#/components/schemas/{items}"}}, "next": cursor})


_RUN = _object(
    {
        "id": {"type": "string", "pattern": RUN_ID},
        "namespace": _TEXT,
        "name": _TEXT,
        "hook": _TEXT,
        "test": _TEXT,
        "epoch": _COUNT,
        "state": {"enum": [state.value for state in RunState]},
        "reason": _TEXT,
        "starts": _COUNT,
        "target": _TEXT,
        "parameters": {"type": "object", "additionalProperties": _TEXT},
        "createdAt": _NUMBER,
        "startedAt": _MOMENT,
        "endedAt": _MOMENT,
    }
)
_GATE = _object(
    {
        "namespace": _TEXT,
        "name": _TEXT,
        "gate": _TEXT,
        "state": {"enum": [state.value for state in GateState]},
        "epoch": _COUNT,
        "checksum": _TEXT,
        "template": {"type": "string", "description": "what the gate is asked about, empty where not known"},
        "who": _TEXT,
        "why": _TEXT,
        "at": _NUMBER,
        "approvals": {"type": "array", "items": _TEXT},
        "needed": _COUNT,
        "expiresAt": _MOMENT,
    }
)
_LINE: Schema = {"type": "string", "maxLength": LONGEST_TEXT, "pattern": r"^[^\x00-\x1f\x7f]*$"}

SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        "Run": _RUN,
        "RunPage": _page("runs", "Run"),
        "RunReport": _object({"run": {"$ref": "#/components/schemas/Run"}, "log": _TEXT, "report": {}}),
        "Gate": _GATE,
        "GatePage": _page("gates", "Gate"),
        "GateHistory": _object({"history": {"type": "array", "items": {"$ref": "#/components/schemas/Gate"}}}),
        "Moment": _object(
            {"at": _NUMBER, "kind": {"enum": ["event", "gate", "run"]}, "text": _TEXT, "of": {"type": "object"}}
        ),
        "Timeline": _page("moments", "Moment"),
        "Text": _TEXT,
        "Reason": {
            "type": "object",
            "properties": {"who": _LINE, "why": _LINE},
            "additionalProperties": False,
        },
        "Approval": {
            "type": "object",
            "properties": {
                "who": _LINE,
                "why": _LINE,
                "lasts": {"type": "string", "pattern": "^[1-9][0-9]{0,4}(s|m|h)$"},
                "template": _LINE,
            },
            "additionalProperties": False,
        },
        "Problem": _object({"type": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}),
    }
)
"""Every schema by its name."""


def in_path(name: str, pattern: str, meaning: str) -> Parameter:
    """Describe a parameter in the path."""
    return Parameter(name, "path", {"type": "string", "pattern": pattern}, meaning)


def in_query(name: str, schema: Schema, meaning: str) -> Parameter:
    """Describe a parameter in the query."""
    return Parameter(name, "query", schema, meaning)


PAGING = (
    in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_ON_A_PAGE, "default": 50}, "how many at most"),
    in_query("cursor", {"type": "string"}, "the `next` of the page before"),
)
"""The parameters of every paged operation."""

CANARY = (
    in_path("namespace", NAME, "the canary's namespace"),
    in_path("name", NAME, "the canary's name"),
)
"""The parameters of every operation on one canary."""
