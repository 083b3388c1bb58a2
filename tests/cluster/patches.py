"""Change objects by the two kinds of patches that every kind of object takes: RFC 7396 and RFC 6902."""

import copy
from typing import Any

from tests.cluster.resources import Manifest
from tests.cluster.statuses import bad_request

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"


def merge(found: Any, change: Any) -> Any:
    """RFC 7396: null removes, objects merge, anything else replaces."""
    if not isinstance(change, dict):
        return change
    merged = dict(found) if isinstance(found, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_operations(found: Manifest, operations: list[Manifest]) -> Manifest:
    """RFC 6902; raises Refusal for what cannot be applied."""
    patched = {"": copy.deepcopy(found)}
    for operation in operations:
        try:
            _apply(patched, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise bad_request(f"the server rejected our request due to an error in our request: {error}") from error
    return patched[""]


def _apply(document: Manifest, operation: Manifest) -> None:
    path = _split(operation["path"])
    match operation["op"]:
        case "add":
            _add(document, path, operation["value"])
        case "remove":
            _take(document, path)
        case "replace":
            _take(document, path)
            _add(document, path, operation["value"])
        case "move":
            _add(document, path, _take(document, _split(operation["from"])))
        case "copy":
            _add(document, path, copy.deepcopy(_look(document, _split(operation["from"]))))
        case "test":
            if _look(document, path) != operation["value"]:
                raise ValueError(f"testing path {operation['path']} failed")
        case other:
            raise ValueError(f"unexpected kind: {other}")


def _split(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _look(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _add(document: Any, path: list[str], value: Any) -> None:
    parent, last = _look(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    else:
        parent[last] = value


def _take(document: Any, path: list[str]) -> Any:
    parent, last = _look(document, path[:-1]), path[-1]
    return parent.pop(int(last)) if isinstance(parent, list) else parent.pop(last)
