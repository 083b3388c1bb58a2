"""Write what the Gateway API does to requests on their way: headers, rewrites, copies, CORS."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.canary import durations
from workflows.cluster.kinds import Manifest
from workflows.rollout.traffic import ALL
from workflows.routers.kubernetes.layout import Rule
from workflows.routers.kubernetes.site import Site

SET_COOKIE = "Set-Cookie"
SERVICE = {"group": "", "kind": "Service"}
"""The kind of a backend, as an API server fills it in."""

_PREFIX = "ReplacePrefixMatch"
_ORIGINS = "spec.service.corsPolicy.allowOrigins"
_DEFAULT_AGE_S = 5


def of_rule(site: Site, rule: Rule) -> list[Manifest]:
    """Give the filters of a rule: the service's own, then those of the split."""
    return [*_of_service(site, rule), *_of_split(site, rule)]


def set_cookie(cookie: str) -> Manifest:
    """Add a cookie to answers."""
    added = {"add": [{"name": SET_COOKIE, "value": cookie}]}
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": added}


def objection(site: Site) -> str:
    """Say what of the service's filters cannot be written, empty where all can."""
    cors = site.setting("corsPolicy") or {}
    patterns = [origin for origin in cors.get("allowOrigins") or [] if "exact" not in origin]
    if patterns:
        return f"{_ORIGINS}: {patterns[0]} is a pattern, and the Gateway API takes plain origins; use exact"
    return ""


def _of_service(site: Site, rule: Rule) -> Iterator[Manifest]:
    headers = site.setting("headers") or {}
    for part in ("request", "response"):
        changes = headers.get(part) or {}
        if part == "response" and rule.expired:
            # A rule may change the headers of its answers in one filter only.
            changes = {**changes, "add": {**(changes.get("add") or {}), SET_COOKIE: rule.expired}}
        if changes:
            yield {"type": f"{part.title()}HeaderModifier", f"{part}HeaderModifier": _changes(changes)}
    if site.setting("rewrite"):
        yield {"type": "URLRewrite", "urlRewrite": _rewrite(site.setting("rewrite"))}
    for mirror in site.setting("mirror") or []:
        yield {"type": "RequestMirror", "requestMirror": {"backendRef": {**SERVICE, **mirror["backendRef"]}}}
    if site.setting("corsPolicy"):
        yield {"type": "CORS", "cors": _cors(site.setting("corsPolicy"))}


def _of_split(site: Site, rule: Rule) -> Iterator[Manifest]:
    if rule.mirrored:
        percent = site.analysis.mirror_percent or ALL
        thousandths = {"fraction": {"numerator": round(percent * 10), "denominator": 1000}}
        share = thousandths if percent < ALL else {}
        backend = {**SERVICE, "name": site.canary, "port": site.port}
        yield {"type": "RequestMirror", "requestMirror": {"backendRef": backend, **share}}


def _changes(headers: Mapping[str, Any]) -> Manifest:
    said = {
        "add": [{"name": name, "value": value} for name, value in sorted((headers.get("add") or {}).items())],
        "set": [{"name": name, "value": value} for name, value in sorted((headers.get("set") or {}).items())],
        "remove": headers.get("remove") or [],
    }
    return {name: value for name, value in said.items() if value}


def _rewrite(rewrite: Mapping[str, str]) -> Manifest:
    said: Manifest = {"hostname": rewrite["authority"]} if rewrite.get("authority") else {}
    if not rewrite.get("uri"):
        return said
    # Flagger: the whole path, unless the prefix is asked for by name.
    if rewrite.get("type") == _PREFIX:
        return {**said, "path": {"type": _PREFIX, "replacePrefixMatch": rewrite["uri"]}}
    return {**said, "path": {"type": "ReplaceFullPath", "replaceFullPath": rewrite["uri"]}}


def _cors(policy: Mapping[str, Any]) -> Manifest:
    exact = [origin["exact"] for origin in policy.get("allowOrigins") or []]
    age = round(durations.parse(policy["maxAge"]).total_seconds()) if policy.get("maxAge") else _DEFAULT_AGE_S
    said = {
        "allowOrigins": [*(policy.get("allowOrigin") or []), *exact],
        "allowMethods": policy.get("allowMethods"),
        "allowHeaders": policy.get("allowHeaders"),
        "exposeHeaders": policy.get("exposeHeaders"),
        "allowCredentials": policy.get("allowCredentials"),
        "maxAge": age,
    }
    return {name: value for name, value in said.items() if value}
