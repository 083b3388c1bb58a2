"""Write the OpenAPI 3.1 document from the table of operations."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from webhooks.routes.api.operations import Operation, Parameter, Schema

_ALWAYS = (400, 401, 403, 503)
_PROBLEM = "application/problem+json"


def write_document(operations: Sequence[Operation], version: str, schemas: Mapping[str, Schema]) -> dict[str, object]:
    """Write the document."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": version,
            "description": "Releases, runs, gates and timelines of canaries.",
        },
        "paths": paths,
        "components": {"schemas": dict(schemas), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _describe(operation: Operation) -> dict[str, object]:
    described: dict[str, object] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_show_parameter(parameter) for parameter in operation.parameters],
        "responses": _answers(operation),
    }
    if operation.body:
        content = {operation.body_type: {"schema": _point(operation.body)}}
        described["requestBody"] = {"required": operation.needs_body, "content": content}
    return described


def _show_parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "schema": dict(parameter.schema),
        "description": parameter.meaning,
    }


def _answers(operation: Operation) -> Mapping[str, object]:
    content = {kind: {"schema": _point(name)} for kind, name in operation.answers.items()}
    good: dict[str, object] = {"description": "done", "content": content}
    if operation.headers:
        good["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in operation.headers.items()
        }
    problem = {_PROBLEM: {"schema": _point("Problem")}}
    bad = {
        str(status): {"description": HTTPStatus(status).phrase, "content": problem}
        for status in sorted({*_ALWAYS, *operation.faults})
    }
    return {"200": good, **bad}


def _point(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
