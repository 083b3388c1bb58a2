"""Split traffic by ingress-nginx: annotations on a canary Ingress beside the user's own.

nginx knows one header and one cookie, either of which picks a request; what cannot be said in these is refused.
"""

from collections.abc import Iterator

from workflows.cluster.kinds import Manifest
from workflows.rollout.plan import RequestMatch, StringMatch
from workflows.rollout.traffic import ALL, Route
from workflows.routers.kubernetes import ingress, manifests, services
from workflows.routers.kubernetes.dialect import Ability, Dialect, Draft
from workflows.routers.kubernetes.site import Site

_CANARY = "nginx.ingress.kubernetes.io/canary"
_WEIGHT = f"{_CANARY}-weight"
_HEADER = f"{_CANARY}-by-header"
_COOKIE = f"{_CANARY}-by-cookie"
_PICKING = (_HEADER, f"{_HEADER}-value", f"{_HEADER}-pattern", _COOKIE)
_COOKIES = "cookie"


def _write(draft: Draft) -> Manifest:
    marks = manifests.copied_marks(draft.source)
    inherited = {name for name in marks["annotations"] if name.startswith(_CANARY)}
    said: dict[str, str | None] = {**dict.fromkeys((*inherited, *_PICKING)), _CANARY: "true", **_split(draft)}
    spec = ingress.spec_of(draft, arms=lambda site: [site.canary])
    return {"metadata": {**marks, "annotations": {**marks["annotations"], **said}}, "spec": spec}


def _split(draft: Draft) -> dict[str, str | None]:
    route = draft.route
    if not route.matched:
        return {_WEIGHT: str(route.canary_percent)}
    picked = {name: value for match in draft.site.analysis.match for name, value in _pick(match)}
    return {_WEIGHT: "0", **picked}


def _pick(match: RequestMatch) -> Iterator[tuple[str, str]]:
    for name, text in match.headers.items():
        if name.lower() == _COOKIES:
            yield _COOKIE, text.value
        else:
            yield _HEADER, name
            yield f"{_HEADER}-{'pattern' if text.kind == 'regex' else 'value'}", text.value


def _read(_: Site, manifest: Manifest) -> Route:
    annotations = manifest["metadata"].get("annotations") or {}
    if _HEADER in annotations or _COOKIE in annotations:
        return Route(ALL, matched=True)
    weight = str(annotations.get(_WEIGHT, "0"))
    return Route(min(ALL, int(weight)) if weight.isdecimal() else 0)


def _objection(site: Site) -> str:
    told: list[str] = []
    for index, match in enumerate(site.analysis.match):
        place = f"spec.analysis.match[{index}]"
        if match.query_params or match.source_labels or len(match.headers) != 1:
            return f"{place}: nginx is told one header or one cookie; write each alternative as an entry of its own"
        ((name, text),) = match.headers.items()
        if complaint := _complaint(name, text):
            return f"{place}.headers.{name}: {complaint}"
        told.append(_COOKIES if name.lower() == _COOKIES else "header")
    if len(set(told)) < len(told):
        return f"spec.analysis.match: nginx is told at most one header and one cookie, not {', '.join(told)}"
    return ""


def _complaint(name: str, text: StringMatch) -> str:
    if name.lower() == _COOKIES:
        return "" if text.kind == "exact" else f"{text.kind} cannot be told; give the cookie's name as exact"
    return "" if text.kind in {"exact", "regex"} else f"{text.kind} cannot be told; use exact or regex"


DIALECT = Dialect(
    ingress.INGRESS,
    _write,
    _read,
    services.of_all_three,
    frozenset({Ability.MATCH}),
    name=ingress.name_of,
    source=ingress.SOURCE,
    objection=_objection,
)
