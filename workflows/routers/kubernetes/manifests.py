"""Build whole objects from what a dialect says of them, on the object there is.

The rule to keep: what others wrote beside our fields stays, and an object that stood before us keeps a note of what
it said, by which it can be given back.
"""

import copy
import json
from collections.abc import Mapping
from types import MappingProxyType

from workflows.cluster.kinds import Manifest
from workflows.cluster.ownership import Claim, owner_of
from workflows.cluster.pen import FENCE
from workflows.cluster.tracking import without_tracking
from workflows.errors import ConfigurationError
from workflows.routers.kubernetes.site import Site

ORIGINAL = "flagger.kubernetes.io/original-configuration"
"""The annotation that keeps the spec of an object that stood before us (Flagger's name)."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps the same, for objects that it applied."""

KEEP_OUT: Mapping[str, str] = MappingProxyType(
    {"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "helm.toolkit.fluxcd.io/driftDetection": "disabled"}
)
"""The annotations that keep Flux from setting our objects back (Flagger writes the same)."""


def assemble(name: str, found: Manifest | None, said: Manifest, claim: Claim) -> Manifest:
    """Give the object that says what is said; raises ConfigurationError for one that another canary made."""
    if found and owner_of(found) not in {"", claim.canary}:
        raise ConfigurationError(
            f"{name}: made for canary {owner_of(found)}, not for {claim.canary}; give each canary a service of its own"
        )
    built = copy.deepcopy(found) or claim.mark({"metadata": {"name": name}})
    metadata = built["metadata"]
    wanted = said.get("metadata") or {}
    _merge(metadata, "labels", wanted.get("labels") or {})
    _merge(metadata, "annotations", (wanted.get("annotations") or {}) | _note_original(found, said))
    return {**built, **{part: value for part, value in said.items() if part != "metadata"}}


def apex_marks(site: Site) -> Manifest:
    """Give the labels and annotations that the plan wants on the objects of the apex."""
    marks = site.setting("apex") or {}
    return {"labels": marks.get("labels") or {}, "annotations": {**(marks.get("annotations") or {}), **KEEP_OUT}}


def copied_marks(source: Manifest | None) -> Manifest:
    """Give the labels and annotations of the user's object for our copy, but for those that bind it to a tool."""
    metadata = (source or {}).get("metadata") or {}
    annotations = without_tracking(metadata.get("annotations") or {})
    return {"labels": without_tracking(metadata.get("labels") or {}), "annotations": {**annotations, **KEEP_OUT}}


def is_taken(manifest: Manifest) -> bool:
    """Tell whether an object was made for a canary, or has been written by us since."""
    return bool(owner_of(manifest)) or FENCE in (manifest["metadata"].get("annotations") or {})


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
