"""Pick objects by labels and fields, as lists and watches are asked to."""

import re
from collections.abc import Callable, Mapping

from tests.cluster.resources import Manifest, Resource
from tests.cluster.statuses import bad_request

Pick = Callable[[Manifest], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<word>in|notin)\s+\((?P<values>[^)]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^=!\s]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[\w.-]*)$")
_FIELDS = {
    "events": {
        *(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
        "reason",
        "reportingComponent",
        "source",
        "type",
    },
    "pods": {"spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"},
    "secrets": {"type"},
    "jobs": {"status.successful"},
}


def by_labels(selector: str) -> Pick:
    """The test that a label selector stands for; raises Refusal for one that cannot be read."""
    demands = [_demand(part.strip()) for part in re.split(r",(?![^(]*\))", selector) if part.strip()]
    return lambda item: all(demand(item["metadata"].get("labels") or {}) for demand in demands)


def _demand(part: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET.match(part):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        wanted = match["word"] == "in"
        return lambda labels: (labels.get(key) in values) == wanted
    if match := _EQUAL.match(part):
        key, value, wanted = match["key"], match["value"], match["sign"] != "!="
        return lambda labels: (labels.get(key) == value) == wanted
    if re.fullmatch(r"!?[^\s=!()]+", part):
        key, wanted = part.lstrip("!"), not part.startswith("!")
        return lambda labels: (key in labels) == wanted
    raise bad_request(f"unable to parse requirement: {part}")


def by_fields(resource: Resource, selector: str) -> Pick:
    """The test that a field selector stands for; raises Refusal for a field that cannot be asked for."""
    demands = []
    for part in filter(None, selector.split(",")):
        match = _EQUAL.match(part)
        if not match:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if not _selectable(resource, match["key"]):
            raise bad_request(f"field label not supported: {match['key']}")
        demands.append((match["key"].split("."), match["value"], match["sign"] != "!="))
    return lambda item: all((_field(item, path) == value) == wanted for path, value, wanted in demands)


def _selectable(resource: Resource, field: str) -> bool:
    if field in {"metadata.name", "metadata.namespace"}:
        return True
    return not resource.custom and field in _FIELDS.get(resource.plural, ())


def _field(item: Manifest, path: list[str]) -> str:
    found: object = item
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, dict):  # Events know `source` as the name of the component.
        found = found.get("component")
    return "" if found is None else str(found)
