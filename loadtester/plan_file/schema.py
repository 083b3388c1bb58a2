"""Publish the JSON schema of a plan file; a test holds it against the reader."""

from typing import Any

_TEXT = {"type": "string"}
_DURATION = {
    "description": "seconds, or like 30s, 1m30s, 500ms",
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
}
_NUMBER = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_WHOLE = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
_FLAG = {"anyOf": [{"type": "boolean"}, {"type": "string"}]}
_TEXTS = {"anyOf": [{"type": "array", "items": {"type": ["string", "number"]}}, {"type": ["string", "number"]}]}
_PAIRS = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_CAPTURE = _object(body=_TEXT, header=_TEXT, json=_TEXT) | {"minProperties": 1, "maxProperties": 1}
_REQUEST = _object(
    path=_TEXT,
    name=_TEXT,
    method=_TEXT,
    headers=_PAIRS,
    body=_TEXT,
    weight=_NUMBER,
    think={"description": "a pause in closed mode: 1s or 1s-3s", "type": ["string", "number"]},
    expect=_object(status=_TEXTS, body=_TEXT, matches=_TEXT),
    capture={"type": "object", "additionalProperties": _CAPTURE},
)
_STAGE = _object(ramp=_NUMBER, hold=_DURATION, step=_NUMBER, spike=_NUMBER, **{"for": _DURATION})

PLAN_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Penstock load plan",
    "required": ["target"],
    **_object(
        target={"type": "string", "description": "http://host[:port] or https://host[:port], a path goes before all"},
        mode={"enum": ["open", "closed"], "description": "arrivals that wait for nobody (default), or users"},
        rate={**_NUMBER, "description": "arrivals per second (open)"},
        users={**_WHOLE, "description": "users (closed)"},
        duration={**_DURATION, "description": "0 is until cancelled, at most one hour"},
        spacing={"enum": ["even", "poisson"]},
        stages={"type": "array", "items": _STAGE},
        requests={"type": "array", "items": _REQUEST},
        locustfile=_TEXT,
        tags=_TEXTS,
        thresholds=_TEXTS,
        minimum_requests=_WHOLE,
        compare_with=_TEXT,
        timeout=_DURATION,
        grace=_DURATION,
        connections=_WHOLE,
        limits=_object(names=_WHOLE, errors=_WHOLE, memory_mb=_WHOLE, silence=_DURATION),
        headers=_PAIRS,
        cookies=_FLAG,
        redirects=_WHOLE,
        compression=_FLAG,
        tls=_object(verify=_FLAG, ca_file=_TEXT),
    ),
}
"""What a plan file may hold."""
