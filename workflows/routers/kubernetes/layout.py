"""Lay a split out as rules, first match first, and recognise the split that rules make.

The rules to keep: what a rule says here is what every mesh that has rules is told; the cookies of a release live in
its rules and nowhere else, so that whoever reads the object knows them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from workflows.rollout.plan import Analysis, SessionAffinity
from workflows.rollout.traffic import ALL, Route

_EXPIRED = "; Max-Age=-1"
_TEXTS = {"domain": "Domain", "path": "Path", "sameSite": "SameSite"}
_FLAGS = {"httpOnly": "HttpOnly", "partitioned": "Partitioned", "secure": "Secure"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Say where the requests go that a rule picks: those of the A/B match, those with a cookie, or all.

    `canary` is None where a rule does not name the canary at all. `canary_cookie` and `primary_cookie` are the
    Set-Cookie headers of an arm's answers, `expired` the one of every answer.
    """

    primary: int
    canary: int | None
    matched: bool = False
    cookie: str = ""
    canary_cookie: str = ""
    primary_cookie: str = ""
    expired: str = ""
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class _Cookies:
    """Hold the two cookies of a release, each as `name=value`; a primary without a cookie name has none."""

    affinity: SessionAffinity
    interval: timedelta
    canary: str
    primary: str

    def renew(self, token: Callable[[], str]) -> "_Cookies":
        """Make the cookies that are missing."""
        canary, primary = self.affinity.cookie_name, self.affinity.primary_cookie_name
        kept = replace(self, canary=_keep(self.canary, canary, token))
        return replace(kept, primary=_keep(self.primary, primary, token) if primary else "")

    def stick(self, split: Rule) -> tuple[Rule, ...]:
        """Send who has a cookie to its arm, and give the others one as the split decides."""
        weighted = replace(split, canary_cookie=self._set(self.canary, self.affinity.max_age))
        rules = [Rule(0, ALL, cookie=self.canary)]
        if self.primary:
            # Flagger: the primary's cookie lives for one interval, so that each step may move its users.
            weighted = replace(weighted, primary_cookie=self._set(self.primary, self.interval))
            rules.append(Rule(ALL, 0, cookie=self.primary))
        return (*rules, weighted)

    def _set(self, cookie: str, age: timedelta) -> str:
        given = self.affinity.attributes
        texts = {name: f"{word}={given[name]}" for name, word in _TEXTS.items() if given.get(name)}
        flags = {name: word for name, word in _FLAGS.items() if given.get(name) == "true"}
        # Flagger's order of attributes is that of their names.
        parts = [text for _, text in sorted((texts | flags).items())]
        return "; ".join((cookie, f"Max-Age={max(1, round(age.total_seconds()))}", *parts))


def lay_out(analysis: Analysis, route: Route, seen: Sequence[Rule], token: Callable[[], str]) -> tuple[Rule, ...]:
    """Give the rules of a split; the cookies in the rules that were seen live on."""
    split = Rule(route.primary_percent, route.canary_percent, mirrored=route.mirrored)
    if analysis.match and (route.matched or route.canary_percent == 0):
        return (replace(split, matched=True), Rule(ALL, None))
    weighted = _weighted(seen)
    current = _name_and_value(weighted.canary_cookie) if weighted else ""
    if analysis.affinity and route.sticky and route.canary_percent:
        home = _name_and_value(weighted.primary_cookie) if weighted else ""
        cookies = _Cookies(analysis.affinity, analysis.interval, current, home).renew(token)
        return cookies.stick(split)
    previous = current or next((_name_and_value(rule.expired) for rule in seen if rule.expired.endswith(_EXPIRED)), "")
    if analysis.affinity and previous:
        return (replace(split, cookie=previous, expired=f"{previous}{_EXPIRED}", mirrored=False), split)
    return (split,)


def recognise(rules: Sequence[Rule]) -> Route:
    """Give the split that rules make; rules that do not name the canary send all to the primary."""
    weighted = _weighted(rules)
    if weighted is None:
        return Route()
    percent = to_percent(weighted.primary, weighted.canary or 0)
    return Route(
        percent,
        mirrored=any(rule.mirrored for rule in rules),
        matched=percent > 0 and weighted is not rules[-1],
        sticky=percent > 0 and bool(weighted.canary_cookie),
    )


def to_percent(primary: int, canary: int) -> int:
    """Give the canary's share in whole percents, 0 and 100 only where one arm gets nothing."""
    if canary <= 0:
        return 0
    if primary <= 0:
        return ALL
    return min(ALL - 1, max(1, round(ALL * canary / (primary + canary))))


def to_regex(cookie: str) -> str:
    """Give the pattern of a Cookie header that holds a cookie (Flagger: `.*name.*value.*`)."""
    name, _, value = cookie.partition("=")
    return f".*{name}.*{value}.*"


def _weighted(rules: Sequence[Rule]) -> Rule | None:
    # Rules for cookies stand before the one with the weights, a rule for the rest of an A/B test names no canary.
    return next((rule for rule in reversed(rules) if rule.canary is not None), None)


def _keep(cookie: str, name: str, token: Callable[[], str]) -> str:
    return cookie if cookie.startswith(f"{name}=") else f"{name}={token()}"


def _name_and_value(set_cookie: str) -> str:
    return set_cookie.partition(";")[0]
