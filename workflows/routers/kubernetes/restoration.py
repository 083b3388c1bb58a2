"""Give traffic back to the target itself: what stood before us says again what it said, what we made is deleted.

The rule to keep: the service that users call leads to the target before anything that led to the arms is taken away.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from workflows.cluster.kinds import CANARY, SERVICE, Kind, Manifest
from workflows.cluster.ownership import MARK, owner_of, read_claim
from workflows.cluster.pen import Pen
from workflows.cluster.targets import PRIMARY_REVISION, Target, read_target
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import ALL, Route
from workflows.routers.kubernetes.dialect import Draft
from workflows.routers.kubernetes.manifests import KEEP_OUT, LAST_APPLIED, ORIGINAL, is_taken
from workflows.routers.kubernetes.site import Site
from workflows.routers.kubernetes.table import find_dialect


def restore(pen: Pen, plan: RolloutPlan) -> Iterator[str]:
    """Restore the objects that lead to the target, and tell of each that changed."""
    dialect, site, target = find_dialect(plan), Site(plan), read_target(pen.cluster, plan)
    if target.label and pen.hand_back(SERVICE, site.apex, lambda found: _lead_to(found, target)):
        yield f"Service {site.apex}: leads to {target.label}={target.value} again"
    name = dialect.name(site)
    if dialect.is_target:
        if pen.hand_back(dialect.kind, name, _follow_newest):
            yield f"{dialect.kind.kind} {name}: all its traffic follows the newest revision again"
        return
    if (dialect.kind, name) != (SERVICE, site.apex):
        yield from _restore(pen if dialect.namespaced else replace(pen, namespace=""), plan, dialect.kind, name)
    draft = Draft(site, Route(), read_claim(pen.cluster, plan), target=target)
    for companion in dialect.companions(draft):
        if (companion.kind, companion.name) != (SERVICE, site.apex):
            yield from _delete_ours(pen, plan, companion.kind, companion.name)


def _restore(pen: Pen, plan: RolloutPlan, kind: Kind, name: str) -> Iterator[str]:
    found = pen.cluster.get(kind, pen.namespace, name)
    # What kubectl noted on an object that nobody took from its owner is none of our business.
    before = _find_original(found) if found and _is_changed(found) else None
    if before is None:
        yield from _delete_ours(pen, plan, kind, name)
    elif pen.hand_back(kind, name, lambda present: _disown({**present, "spec": before})):
        yield f"{kind.kind} {name}: says again what it said before"


def _delete_ours(pen: Pen, plan: RolloutPlan, kind: Kind, name: str) -> Iterator[str]:
    found = pen.cluster.get(kind, pen.namespace, name)
    if found and owner_of(found) == plan.name:
        pen.delete(kind, name)
        yield f"{kind.kind} {name}: deleted"


def _lead_to(service: Manifest, target: Target) -> Manifest:
    before = _find_original(service) or {}
    selector = before.get("selector") or {target.label: target.value}
    return _disown({**service, "spec": {**service["spec"], "selector": selector}})


def _follow_newest(service: Manifest) -> Manifest:
    wanted = copy.deepcopy(service)
    (wanted["metadata"].get("annotations") or {}).pop(PRIMARY_REVISION, None)
    wanted["spec"]["traffic"] = [{"latestRevision": True, "percent": ALL}]
    return _disown(wanted)


def _is_changed(manifest: Manifest) -> bool:
    return is_taken(manifest) or ORIGINAL in (manifest["metadata"].get("annotations") or {})


def _find_original(manifest: Manifest) -> Any:
    """Give the spec that an object had before us, from the note that we, Flagger or kubectl left on it."""
    annotations = manifest["metadata"].get("annotations") or {}
    if ORIGINAL in annotations:
        return json.loads(annotations[ORIGINAL])
    return json.loads(annotations[LAST_APPLIED]).get("spec") if LAST_APPLIED in annotations else None


def _disown(manifest: Manifest) -> Manifest:
    """Take our marks from an object, so that it stays when the canary goes."""
    wanted = copy.deepcopy(manifest)
    metadata = wanted["metadata"]
    ours = {MARK: None, ORIGINAL: None, **KEEP_OUT}
    if "annotations" in metadata:
        kept = metadata["annotations"].items()
        metadata["annotations"] = {name: value for name, value in kept if ours.get(name, "") not in {None, value}}
    if "ownerReferences" in metadata:
        kept = metadata["ownerReferences"]
        metadata["ownerReferences"] = [owner for owner in kept if owner["kind"] != CANARY.kind]
    return wanted
