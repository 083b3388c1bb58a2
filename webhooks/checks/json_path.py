"""Find a value in a JSON document by a path such as `items[0].name`."""

import re

_STEP = re.compile(r"\.?([A-Za-z0-9_$-]+)|\[(\d+)\]")


class MissingError(LookupError):
    """Say which step of a path leads nowhere."""


def find(document: object, path: str) -> object:
    """Give the value at a path, `$` is the document; raises MissingError."""
    value, position, text = document, 0, path.removeprefix("$")
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise MissingError(f"{path!r} is not a path such as items[0].name")
        value = _descend(value, step, path)
        position = step.end()
    return value


def _descend(value: object, step: re.Match[str], path: str) -> object:
    name, index = step.groups()
    items: dict[object, object] = {}
    if name is not None and isinstance(value, dict):
        items = value
    if index is not None and isinstance(value, list):
        items = {str(place): item for place, item in enumerate(value)}
    key = name if name is not None else index
    if key not in items:
        raise MissingError(f"JSON has no {path}")
    return items[key]
