"""Say of every path who it is for: the platform, people and pipelines, people at a browser, or a canary controller.

The one rule to keep: what is not known here counts as a hook, the most guarded of all but for people's own.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from webhooks.access import Scope
from webhooks.protocol import HookType


class Audience(enum.Enum):
    """Name who a path is for; an entrance is for visitors who are not known yet."""

    PLATFORM = "platform"
    PEOPLE = "people"
    VISITOR = "visitor"
    ENTRANCE = "entrance"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class Place:
    """Say who a request is for: what people need to make it, and whether it changes anything.

    `asks` says that the query names the one canary which it is about.
    """

    audience: Audience
    scope: Scope = Scope.READ
    changes: bool = False
    hook: HookType | None = None
    asks: bool = False


PAGES = "/ui/"
"""Where the pages for browsers are."""

_PLUGIN = "/api/v1/template.execute"  # Argo's agent has a token of its own, which the plugin asks for
_PLATFORM = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", _PLUGIN})
_SWITCHES = frozenset({"/gate/open", "/gate/close", "/rollback/open", "/rollback/close"})
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = frozenset({"/api/v1/verdict"})
"""Paths under /api/ where a POST asks at length and changes nothing; `?canary=NAME.NAMESPACE` says of whom."""

_FILTERS = {
    "/api/v1/releases": "namespace",
    "/api/v1/runs": "canary",
    "/ui/": "namespace",
    "/ui/gates": "canary",
    "/ui/live/gates": "canary",
    "/ui/live/runs": "canary",
    "/ui/live/start": "namespace",
    "/ui/releases": "namespace",
    "/ui/runs": "canary",
}
_SCOPES_OF_PAGES = {"gates": Scope.APPROVE, "releases": Scope.APPROVE, "runs": Scope.RUN}
_TYPES = {f"/hooks/{hook.value}": hook for hook in HookType}


def find_place(path: str, method: str) -> Place:  # noqa: PLR0911 - one for each kind of path
    """Say what is at a path."""
    if path in _PLATFORM:
        return Place(Audience.PLATFORM)
    if path in _SWITCHES:
        return Place(Audience.PEOPLE, Scope.APPROVE, changes=True)
    if path.startswith("/api/"):
        return _find_in_api(path, method)
    if path.startswith(PAGES) or path == PAGES[:-1]:
        return _find_page(path, method)
    if path.startswith("/runner/"):
        return Place(Audience.PEOPLE, Scope.RUNNER, changes=True)
    return Place(Audience.CONTROLLER, hook=_TYPES.get(path))


def find_filter(path: str, query: Mapping[str, str]) -> str:
    """Give the one namespace that a list is asked for, empty where it is asked for all of them."""
    asked = query.get(_FILTERS.get(path, ""), "").strip()
    return asked if _FILTERS.get(path) == "namespace" else asked.rpartition(".")[2] if "." in asked else ""


def _find_page(path: str, method: str) -> Place:
    subject = path.removeprefix(PAGES).partition("/")[0]
    changes = method not in _LOOKING
    if subject == "static":
        return Place(Audience.PLATFORM)
    if subject in {"login", "logout"}:
        return Place(Audience.ENTRANCE, changes=changes)
    return Place(Audience.VISITOR, _SCOPES_OF_PAGES.get(subject, Scope.ADMIN) if changes else Scope.READ, changes)


def _find_in_api(path: str, method: str) -> Place:
    if path in _QUESTIONS:
        return Place(Audience.PEOPLE, asks=True)
    if method in _LOOKING:
        return Place(Audience.PEOPLE)
    scopes = {"gates": Scope.APPROVE, "releases": Scope.REPORT, "runs": Scope.RUN}
    subject = path.removeprefix("/api/v1/").partition("/")[0]
    return Place(Audience.PEOPLE, scopes.get(subject, Scope.ADMIN), changes=True)
