"""Build whole objects from what a dialect says of them, on the object there is.

The rule to keep: what others wrote beside our fields stays, and an object that stood before us keeps a note of what
it said, by which it can be given back.
"""

import copy
import json
from collections.abc import Mapping
from types import MappingProxyType

from workflows.cluster.kinds import CANARY, Manifest
from workflows.cluster.pen import FENCE
from workflows.routers.kubernetes.site import Site

ORIGINAL = "flagger.kubernetes.io/original-configuration"
"""The annotation that keeps the spec of an object that stood before us (Flagger's name)."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps the same, for objects that it applied."""

KEEP_OUT: Mapping[str, str] = MappingProxyType(
    {"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "helm.toolkit.fluxcd.io/driftDetection": "disabled"}
)
"""The annotations that keep Flux from setting our objects back (Flagger writes the same)."""


def assemble(name: str, found: Manifest | None, said: Manifest, owner: Manifest | None = None) -> Manifest:
    """Give the object that says what is said; `owner` is only noted on an object that is made now."""
    built = copy.deepcopy(found) or _blank(name, owner)
    metadata = built["metadata"]
    wanted = said.get("metadata") or {}
    _merge(metadata, "labels", wanted.get("labels") or {})
    _merge(metadata, "annotations", (wanted.get("annotations") or {}) | _note_original(found, said))
    return {**built, **{part: value for part, value in said.items() if part != "metadata"}}


def apex_marks(site: Site) -> Manifest:
    """Give the labels and annotations that the plan wants on the objects of the apex."""
    marks = site.setting("apex") or {}
    return {"labels": marks.get("labels") or {}, "annotations": {**(marks.get("annotations") or {}), **KEEP_OUT}}


def is_owned(manifest: Manifest) -> bool:
    """Tell whether an object was made for a Canary, by us or by Flagger before us."""
    owners = manifest["metadata"].get("ownerReferences") or []
    return any(owner["kind"] == CANARY.kind for owner in owners)


def is_taken(manifest: Manifest) -> bool:
    """Tell whether an object was made for a Canary or has been written by us since."""
    return is_owned(manifest) or FENCE in (manifest["metadata"].get("annotations") or {})


def _blank(name: str, owner: Manifest | None) -> Manifest:
    return {"metadata": {"name": name, **({"ownerReferences": [owner]} if owner else {})}}


def _note_original(found: Manifest | None, said: Manifest) -> dict[str, str]:
    if found is None or is_taken(found) or found.get("spec") == said.get("spec"):
        return {}
    annotations = found["metadata"].get("annotations") or {}
    known = ORIGINAL in annotations or LAST_APPLIED in annotations
    return {} if known else {ORIGINAL: json.dumps(found.get("spec"))}


def _merge(metadata: Manifest, part: str, wanted: Mapping[str, str | None]) -> None:
    merged = {**(metadata.get(part) or {}), **wanted}
    kept = {name: value for name, value in merged.items() if value is not None}
    if kept or metadata.get(part):
        metadata[part] = kept
