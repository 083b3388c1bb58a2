"""Split traffic by Skipper: a canary Ingress with a path to each arm, which outweighs the user's own meanwhile."""

import json

from workflows.cluster.kinds import Manifest
from workflows.rollout.traffic import Route
from workflows.routers.kubernetes import ingress, manifests, services
from workflows.routers.kubernetes.dialect import Dialect, Draft
from workflows.routers.kubernetes.layout import to_percent
from workflows.routers.kubernetes.site import Site

_WEIGHTS = "zalando.org/backend-weights"
_PREDICATE = "zalando.org/skipper-predicate"
_ON = "Weight(100)"
_OFF = "False()"


def _write(draft: Draft) -> Manifest:
    site, route = draft.site, draft.route
    marks = manifests.copied_marks(draft.source)
    inherited = ((draft.source or draft.found or {})["metadata"].get("annotations") or {}).get(_PREDICATE, "")
    weights = {site.canary: route.canary_percent, site.primary: route.primary_percent}
    said = {
        _WEIGHTS: json.dumps(weights, separators=(",", ":")),
        # Without a share for the canary the user's own Ingress serves, and leads to the primary.
        _PREDICATE: _predicate(_ON if route.canary_percent else _OFF, inherited),
    }
    spec = ingress.spec_of(draft, arms=lambda site: [site.primary, site.canary])
    return {"metadata": {**marks, "annotations": {**marks["annotations"], **said}}, "spec": spec}


def _predicate(ours: str, inherited: str) -> str:
    parts = [part.strip() for part in inherited.split("&&")]
    return " && ".join([ours, *(part for part in parts if part not in {"", _ON, _OFF})])


def _read(site: Site, manifest: Manifest) -> Route:
    annotations = manifest["metadata"].get("annotations") or {}
    if str(annotations.get(_PREDICATE, "")).startswith(_OFF):
        return Route()
    try:
        weights = json.loads(annotations.get(_WEIGHTS, "{}"))
        return Route(to_percent(int(weights.get(site.primary, 0)), int(weights.get(site.canary, 0))))
    except (AttributeError, TypeError, ValueError):
        return Route()


DIALECT = Dialect(
    ingress.INGRESS,
    _write,
    _read,
    services.of_all_three,
    name=ingress.name_of,
    source=ingress.SOURCE,
)
