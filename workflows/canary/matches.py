"""Read `spec.analysis.match`: which requests an A/B test picks."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from workflows.canary.section import Section
from workflows.rollout.plan import RequestMatch, StringMatch

_ANY = StringMatch("regex", ".*")
_PARTS = ("headers", "queryParams", "sourceLabels")


def read_matches(analysis: Section) -> tuple[RequestMatch, ...]:
    """Give the alternatives of the match, any of which picks a request."""
    return tuple(_read_match(match) for match in analysis.sections("match"))


def _read_match(match: Section) -> RequestMatch:
    if not any(match.values.get(part) for part in _PARTS) and not any(match.wrote(part) for part in _PARTS):
        match.warn("", f"names no condition, so it picks every request; give one of {', '.join(_PARTS)}")
    return RequestMatch(_conditions(match, "headers"), _conditions(match, "queryParams"), match.texts("sourceLabels"))


def _conditions(match: Section, name: str) -> Mapping[str, StringMatch]:
    table = match.values.get(name)
    items = table.items() if isinstance(table, Mapping) else ()
    return MappingProxyType({key: _condition(item) for key, item in items})


def _condition(condition: Section) -> StringMatch:
    """Read Istio's StringMatch; one that says nothing asks only for presence."""
    kind = next((kind for kind in condition.values if condition.wrote(kind)), "")
    if not kind:
        return _ANY
    value = condition.get(kind, "")
    if kind == "regex" and not _compiles(value):
        condition.warn(kind, "is probably not a regular expression that a proxy accepts (RE2)")
    return StringMatch(kind, value)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
