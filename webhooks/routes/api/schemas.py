"""Say in JSON Schema what the HTTP API takes and gives."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from webhooks.routes.api.operations import Parameter, Schema
from webhooks.store.records import GateState, RunState
from webhooks.store.releases import Ending, Opinion, ReportKind, Teller

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

RELEASE_ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""The ids of releases."""

LARGEST = 1e300
"""The largest number that is told of a release."""

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
_PERCENT: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": 100}
_PERHAPS: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": LARGEST}
_COUNTED: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**53}
_WORDS: Schema = {"type": "string", "maxLength": 4000}


def _word(words: type[enum.Enum]) -> Schema:
    return {"enum": [*(word.value for word in words), None]}


_PLAN = _object(
    {
        "title": _WORDS,
        "revision": _WORDS,
        "previous": _WORDS,
        "strategy": _WORDS,
        "judge": _WORDS,
        "weights": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 100}, "maxItems": 101},
        "threshold": _COUNTED,
        "intervalSeconds": _PERHAPS,
        "minimumSuccessPercent": _PERHAPS,
        "maximumP99Ms": _PERHAPS,
    }
)
_RELEASE = _object(
    {
        "namespace": _TEXT,
        "name": _TEXT,
        "id": {"type": "string", "pattern": RELEASE_ID},
        "toldBy": {"enum": [teller.value for teller in Teller]},
        "plan": {"$ref": "#/components/schemas/ReleasePlan"},
        "phase": {"type": ["string", "null"], "description": "as Flagger calls it, null where not known"},
        "weight": _PERCENT,
        "failedChecks": _COUNTED,
        "reason": _TEXT,
        "ending": _word(Ending),
        "beganAt": _NUMBER,
        "heardAt": _NUMBER,
        "endedAt": _MOMENT,
        "sequence": _COUNT,
        "lost": _COUNT,
    }
)
_ARM = _object({"successPercent": {**_PERHAPS, "maximum": 100}, "p99Ms": _PERHAPS, "requests": _COUNTED})
_CHECK = _object(
    {
        "name": _WORDS,
        "verdict": {"enum": [opinion.value for opinion in Opinion]},
        "value": {"type": ["number", "null"], "minimum": -LARGEST, "maximum": LARGEST},
        "limit": _WORDS,
        "reason": _WORDS,
    }
)
_REPORT: dict[str, Schema] = {
    "sequence": {"type": "integer", "minimum": 0, "maximum": 2**53},
    "at": {"type": "number", "minimum": 0, "maximum": 1e11, "description": "unix seconds"},
    "kind": {"enum": [kind.value for kind in ReportKind]},
    "text": _WORDS,
    "warning": {"type": "boolean"},
    "phase": _WORDS,
    "weight": _PERCENT,
    "failedChecks": _COUNTED,
    "verdict": _word(Opinion),
    "checks": {"type": "array", "items": {"$ref": "#/components/schemas/CheckFigure"}, "maxItems": 100},
    "primary": {"$ref": "#/components/schemas/ArmFigures"},
    "canary": {"$ref": "#/components/schemas/ArmFigures"},
    "ending": _word(Ending),
}
_RELEASES: Mapping[str, Schema] = {
    "ReleasePlan": {**_PLAN, "additionalProperties": False},
    "Release": _RELEASE,
    "ReleasePage": _page("releases", "Release"),
    "ReleaseBeginning": {
        **_object({"beganAt": _REPORT["at"], "plan": {"$ref": "#/components/schemas/ReleasePlan"}}),
        "additionalProperties": False,
    },
    "ArmFigures": {**_ARM, "additionalProperties": False},
    "CheckFigure": {**_CHECK, "additionalProperties": False},
    "Report": {**_object(_REPORT), "additionalProperties": False},
    "Reports": {
        **_object(
            {
                "reports": {"type": "array", "items": {"$ref": "#/components/schemas/Report"}, "maxItems": 500},
                "lost": {"type": "integer", "minimum": 0, "maximum": 2**53},
            }
        ),
        "additionalProperties": False,
    },
    "ReportPage": _object(
        {
            "reports": {"type": "array", "items": {"$ref": "#/components/schemas/Report"}},
            "next": {"type": ["integer", "null"], "description": "the `after` of the next page, null on the last"},
        }
    ),
    "Kept": _object({"bytes": _COUNT}),
}
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
        **_RELEASES,
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
