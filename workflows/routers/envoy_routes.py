"""Write a split of traffic as Envoy's RouteConfiguration.

Pure. The rule to keep: one document says everything (weights, match, mirror, cookies), so that one rename puts it in
force whole. The clusters bear the names of the arms; copies go to a cluster of their own, which is not user traffic.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.errors import ConfigurationError
from workflows.rollout.plan import Analysis, RequestMatch, SessionAffinity, StringMatch
from workflows.rollout.traffic import Arm, Route

NAME = "apex"
"""The name of the route configuration, and of the listener's statistics."""

MIRROR_CLUSTER = "canary-mirror"
"""The cluster that gets the copies of mirrored requests."""

_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_TIMEOUT = "15s"
_MILLION = 1_000_000
_EVERYTHING = {"prefix": "/"}
_COOKIE_FLAGS = {"httpOnly": "HttpOnly", "secure": "Secure", "partitioned": "Partitioned"}
_COOKIE_VALUES = {"domain": "Domain", "path": "Path", "sameSite": "SameSite"}

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what the plan adds to a split: whom an A/B test picks, how much is mirrored, which cookie binds."""

    match: tuple[RequestMatch, ...] = ()
    mirror_percent: float = 0
    affinity: SessionAffinity | None = None
    primary_cookie_s: int = 0

    def __post_init__(self) -> None:
        """Refuse what only a mesh can tell."""
        for index, match in enumerate(self.match):
            if match.source_labels:
                raise ConfigurationError(
                    f"spec.analysis.match[{index}].sourceLabels: {dict(match.source_labels)} cannot be told on this "
                    f"platform, its callers have no labels; match on headers or queryParams"
                )


def rules_of(analysis: Analysis | None) -> Rules:
    """Take from a plan what concerns the router."""
    if analysis is None:
        return Rules()
    # Flagger: the primary's cookie lives for one interval, so that each step may move its users.
    return Rules(
        match=analysis.match,
        mirror_percent=analysis.mirror_percent,
        affinity=analysis.affinity,
        primary_cookie_s=max(1, round(analysis.interval.total_seconds())),
    )


def configuration(route: Route, rules: Rules, token: str) -> Document:
    """Write the whole route configuration; `token` is the value of this release's cookies."""
    affinity = rules.affinity if route.sticky and route.canary_percent > 0 else None
    routes = [*_cookie_routes(affinity, token), *_split_routes(route, rules, affinity, token)]
    return {"@type": _TYPE, "name": NAME, "virtual_hosts": [{"name": NAME, "domains": ["*"], "routes": routes}]}


def _split_routes(route: Route, rules: Rules, affinity: SessionAffinity | None, token: str) -> Iterator[Document]:
    split: Document = {"weighted_clusters": {"clusters": list(_shares(route, rules, affinity, token))}}
    if route.matched:
        for match in rules.match:
            yield {"match": _matcher(match), "route": _action(split, route, rules)}
        split = {"cluster": Arm.PRIMARY.value}
    yield {"match": _EVERYTHING, "route": _action(split, route, rules)}


def _action(destination: Mapping[str, object], route: Route, rules: Rules) -> Document:
    action: Document = {**destination, "timeout": _TIMEOUT}
    if route.mirrored:
        share = {"numerator": round(rules.mirror_percent * _MILLION / 100), "denominator": "MILLION"}
        fraction = {"default_value": share}
        action["request_mirror_policies"] = [{"cluster": MIRROR_CLUSTER, "runtime_fraction": fraction}]
    return action


def _shares(route: Route, rules: Rules, affinity: SessionAffinity | None, token: str) -> Iterator[Document]:
    for arm, percent in ((Arm.PRIMARY, route.primary_percent), (Arm.CANARY, route.canary_percent)):
        share: Document = {"name": arm.value, "weight": percent}
        cookie = _set_cookie(affinity, arm, token, rules) if affinity else ""
        if cookie:
            share["response_headers_to_add"] = [{"header": {"key": "set-cookie", "value": cookie}}]
        yield share


def _cookie_routes(affinity: SessionAffinity | None, token: str) -> Iterator[Document]:
    if affinity is None:
        return
    names = {Arm.CANARY: affinity.cookie_name, Arm.PRIMARY: affinity.primary_cookie_name}
    for arm, name in names.items():
        if name:
            pattern = f".*{re.escape(name)}={re.escape(token)}.*"
            match = {**_EVERYTHING, "headers": [_header("cookie", StringMatch("regex", pattern))]}
            yield {"match": match, "route": {"cluster": arm.value, "timeout": _TIMEOUT}}


def _set_cookie(affinity: SessionAffinity, arm: Arm, token: str, rules: Rules) -> str:
    if arm is Arm.PRIMARY:
        name, age = affinity.primary_cookie_name, rules.primary_cookie_s
    else:
        name, age = affinity.cookie_name, round(affinity.max_age.total_seconds())
    if not name:
        return ""
    return "; ".join((f"{name}={token}", f"Max-Age={age}", *_cookie_attributes(affinity.attributes)))


def _cookie_attributes(attributes: Mapping[str, str]) -> Iterator[str]:
    for name, value in attributes.items():
        if name in _COOKIE_VALUES and value:
            yield f"{_COOKIE_VALUES[name]}={value}"
        elif name in _COOKIE_FLAGS and value.lower() == "true":
            yield _COOKIE_FLAGS[name]


def _matcher(match: RequestMatch) -> Document:
    parameters = [{"name": name, "string_match": _text(text)} for name, text in match.query_params.items()]
    headers = [_header(name.lower(), text) for name, text in match.headers.items()]
    return {**_EVERYTHING, "headers": headers, "query_parameters": parameters}


def _header(name: str, text: StringMatch) -> Document:
    return {"name": name, "string_match": _text(text)}


def _text(text: StringMatch) -> Document:
    match text.kind:
        case "regex":
            return {"safe_regex": {"regex": text.value}}
        case "exact" | "prefix" | "suffix":
            return {text.kind: text.value}
        case _:
            raise ConfigurationError(
                f"spec.analysis.match: {text.kind!r} is no way to match a text; known: exact, prefix, regex, suffix"
            )
