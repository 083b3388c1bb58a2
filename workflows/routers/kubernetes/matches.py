"""Write which requests a rule picks: those of an A/B test or with a cookie, among those that the service takes.

The words are Istio's, as in the Canary file; other meshes translate them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.rollout.plan import RequestMatch, StringMatch
from workflows.routers.kubernetes.layout import Rule, to_regex
from workflows.routers.kubernetes.site import Site

Match = dict[str, Any]


def of_rule(site: Site, rule: Rule) -> list[Match]:
    """Give the alternatives, any of which picks a request; none are all requests."""
    served: list[Match] = site.setting("match") or []
    if rule.matched:
        return merge([of_request(match) for match in site.analysis.match], served)
    if rule.cookie:
        return merge([{"headers": {"Cookie": {"regex": to_regex(rule.cookie)}}}], served)
    return served


def of_request(match: RequestMatch) -> Match:
    """Write one alternative of an A/B match."""
    said = {
        "headers": _texts(match.headers),
        "queryParams": _texts(match.query_params),
        "sourceLabels": dict(match.source_labels),
    }
    return {name: value for name, value in said.items() if value}


def merge(picked: Sequence[Match], served: Sequence[Match]) -> list[Match]:
    """Narrow each match of the service by each of ours; ours decide on the parts that both have."""
    if not served:
        return list(picked)
    return [{**theirs, **ours} for ours in picked for theirs in served]


def _texts(texts: Mapping[str, StringMatch]) -> dict[str, Match]:
    return {name: {text.kind: text.value} for name, text in texts.items()}
