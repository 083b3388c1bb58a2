"""Copy objects under another name: what people wrote comes along, what binds the original to its owners does not."""

import copy

from workflows.cluster.kinds import Manifest
from workflows.cluster.tracking import without_tracking


def copy_of(source: Manifest, name: str) -> Manifest:
    """Copy an object without its status, its identity and its tracking marks."""
    metadata = source["metadata"]
    wanted = {part: copy.deepcopy(content) for part, content in source.items() if part not in {"metadata", "status"}}
    marks = {part: without_tracking(metadata.get(part) or {}) for part in ("labels", "annotations")}
    return {**wanted, "metadata": {"name": name, "namespace": metadata["namespace"], **marks}}


def refresh(found: Manifest | None, wanted: Manifest) -> Manifest:
    """Bring an object that was found to what is wanted, keeping its identity and what others noted on it."""
    if found is None:
        return wanted
    metadata, asked = dict(found["metadata"]), wanted["metadata"]
    for part in ("labels", "annotations"):
        metadata[part] = {**(metadata.get(part) or {}), **asked.get(part, {})}
    if "ownerReferences" in asked:
        metadata["ownerReferences"] = asked["ownerReferences"]
    identity: Manifest = {part: found[part] for part in ("apiVersion", "kind", "status") if part in found}
    return {**identity, **wanted, "metadata": {part: content for part, content in metadata.items() if content}}
