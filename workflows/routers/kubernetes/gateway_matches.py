"""Translate Istio's words for requests into the Gateway API's, which knows fewer of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.routers.kubernetes import matches
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.matches import Match
from workflows.routers.kubernetes.site import Site

EVERYTHING = {"type": "PathPrefix", "value": "/"}
"""The path that an API server fills in where none is given."""

_PATHS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
_TEXTS = {"exact": "Exact", "regex": "RegularExpression"}
_PARTS = frozenset({"headers", "method", "name", "queryParams", "uri"})


def of_rule(site: Site, rule: Rule) -> list[Match]:
    """Give the alternatives, any of which picks a request."""
    return [_translate(match) for match in matches.of_rule(site, rule)] or [{"path": EVERYTHING}]


def objection(site: Site) -> str:
    """Say which match of a plan has no translation, empty where all have."""
    served: list[Match] = site.setting("match") or []
    tested = [matches.of_request(match) for match in site.analysis.match]
    places = {"spec.service.match": served, "spec.analysis.match": tested}
    found = (
        f"{place}[{index}].{complaint}"
        for place, listed in places.items()
        for index, match in enumerate(listed)
        for complaint in _complaints(match)
    )
    return next(found, "")


def _complaints(match: Match) -> Iterator[str]:
    for part in sorted(match.keys() - _PARTS):
        yield f"{part}: cannot be told by the Gateway API; known: {', '.join(sorted(_PARTS))}"
    if "method" in match and "exact" not in match["method"]:
        yield "method: can only be exact for the Gateway API"
    for part in ("headers", "queryParams"):
        for name, text in (match.get(part) or {}).items():
            if not _TEXTS.keys() & text.keys():
                yield f"{part}.{name}: {next(iter(text), 'nothing')} is unknown to the Gateway API; use exact or regex"


def _translate(match: Match) -> Match:
    said = {
        "path": _typed(_PATHS, match.get("uri") or {}) or EVERYTHING,
        "method": (match.get("method") or {}).get("exact"),
        "headers": list(_named(match.get("headers") or {})),
        "queryParams": list(_named(match.get("queryParams") or {})),
    }
    return {name: value for name, value in said.items() if value}


def _named(texts: Mapping[str, Mapping[str, str]]) -> Iterator[Match]:
    for name, text in sorted(texts.items()):
        yield {"name": name, **_typed(_TEXTS, text)}


def _typed(words: Mapping[str, str], text: Mapping[str, str]) -> dict[str, Any]:
    return next(({"type": word, "value": text[kind]} for kind, word in words.items() if text.get(kind)), {})
