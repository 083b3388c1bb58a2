"""Read `spec.analysis.sessionAffinity`: which cookie keeps a user on the arm that served it first."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from workflows.canary.section import Section
from workflows.rollout.plan import SessionAffinity

_DAY_S = 86400
_TEXTS = ("domain", "path", "sameSite")
_FLAGS = ("httpOnly", "partitioned", "secure")


def read_affinity(analysis: Section) -> SessionAffinity | None:
    """Give the session affinity, None where none is asked for."""
    affinity = analysis.section("sessionAffinity")
    name, primary_name = affinity.get("cookieName", ""), affinity.get("primaryCookieName", "")
    if not name:
        return None
    if name == primary_name:
        affinity.error("primaryCookieName", "is the cookieName too; the two cookies need different names")
    if not affinity.get("secure", False):
        _warn_of_dropped_cookies(affinity)
    seconds = affinity.get("maxAge", _DAY_S)
    if seconds == 0:
        affinity.warn("maxAge", "is read as a day, as Flagger does; remove it or give at least 1")
    return SessionAffinity(name, primary_name, timedelta(seconds=seconds or _DAY_S), _attributes(affinity))


def _warn_of_dropped_cookies(affinity: Section) -> None:
    if affinity.get("sameSite", "") == "None":
        affinity.warn("sameSite", "is only kept by browsers together with secure: true")
    if affinity.get("partitioned", False):
        affinity.warn("partitioned", "is only kept by browsers together with secure: true")


def _attributes(affinity: Section) -> Mapping[str, str]:
    texts = {name: affinity.get(name, "") for name in _TEXTS}
    flags = {name: "true" for name in _FLAGS if affinity.get(name, False)}
    return MappingProxyType({name: text for name, text in texts.items() if text} | flags)
