"""Say of every path who it is for: the platform, people and pipelines, or a canary controller.

The one rule to keep: what is not known here counts as a hook, the most guarded of the three but for people's own.
"""

import enum
from dataclasses import dataclass

from webhooks.access import Scope
from webhooks.protocol import HookType


class Audience(enum.Enum):
    """Name who a path is for."""

    PLATFORM = "platform"
    PEOPLE = "people"
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


_PLUGIN = "/api/v1/template.execute"  # Argo's agent has a token of its own, which the plugin asks for
_PLATFORM = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", _PLUGIN})
_SWITCHES = frozenset({"/gate/open", "/gate/close", "/rollback/open", "/rollback/close"})
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUESTIONS = frozenset({"/api/v1/verdict"})
"""Paths under /api/ where a POST asks at length and changes nothing; `?canary=NAME.NAMESPACE` says of whom."""

_TYPES = {f"/hooks/{hook.value}": hook for hook in HookType}


def find_place(path: str, method: str) -> Place:
    """Say what is at a path."""
    if path in _PLATFORM:
        return Place(Audience.PLATFORM)
    if path in _SWITCHES:
        return Place(Audience.PEOPLE, Scope.APPROVE, changes=True)
    if path.startswith("/api/"):
        return _find_in_api(path, method)
    if path.startswith("/runner/"):
        return Place(Audience.PEOPLE, Scope.RUNNER, changes=True)
    return Place(Audience.CONTROLLER, hook=_TYPES.get(path))


def _find_in_api(path: str, method: str) -> Place:
    if path in _QUESTIONS:
        return Place(Audience.PEOPLE, asks=True)
    if method in _LOOKING:
        return Place(Audience.PEOPLE)
    scopes = {"gates": Scope.APPROVE, "releases": Scope.REPORT, "runs": Scope.RUN}
    subject = path.removeprefix("/api/v1/").partition("/")[0]
    return Place(Audience.PEOPLE, scopes.get(subject, Scope.ADMIN), changes=True)
