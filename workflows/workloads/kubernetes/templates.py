"""Make the primary's object from the target's: its own pods, its own configs, the same everything else.

Pure. The rule to keep: the same target at the same revision makes the same object, so that a repeat writes nothing.
"""

import copy
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping

from workflows.cluster.kinds import Manifest
from workflows.cluster.targets import Target
from workflows.workloads.kubernetes import copies
from workflows.workloads.kubernetes.configs import Config, use_copies

REVISION = "penstock.dev/revision"
"""The annotation of the primary's pods that names the revision they run; a new one rolls them."""

STARTED_WITH = "penstock.dev/configs"
"""The annotation of the target that names the configs its pods were started with; on its template it restarts them."""

SCALED_TO_ZERO = "flagger.app/scale-to-zero"
"""The node selector that no node satisfies: how a DaemonSet is scaled to zero, in Flagger's word."""


def revise(template: Manifest, digests: Mapping[Config, str]) -> str:
    """Identify a pod template and the configs it uses; replicas do not count, nor what scaling writes."""
    said = {str(config): digest for config, digest in digests.items()}
    canonical = json.dumps({"template": _as_written(template), "configs": said}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def summarise(digests: Mapping[Config, str]) -> str:
    """Identify the configs alone."""
    said = sorted((str(config), digest) for config, digest in digests.items())
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def build_primary(target: Target, copied: Collection[Config], revision: str) -> Manifest:
    """Make the primary's object, with as many replicas as the target has, at least one."""
    wanted = copies.copy_of(target.manifest, target.primary_name)
    wanted["metadata"]["labels"][target.label] = target.primary_value
    spec = wanted["spec"]
    spec["selector"] = {"matchLabels": {target.label: target.primary_value}}
    spec["template"] = _primary_template(target, copied, revision)
    spec.pop("paused", None)
    if "replicas" in spec:
        spec["replicas"] = spec["replicas"] or 1
    return wanted


def promote_onto(found: Manifest | None, wanted: Manifest, *, keep_replicas: bool) -> Manifest:
    """Give a primary the promoted spec; its selector stays, and so do its replicas where an autoscaler sets them."""
    if found is None:
        return wanted
    spec = {**wanted["spec"], "selector": found["spec"]["selector"]}
    if keep_replicas and "replicas" in found["spec"]:
        spec["replicas"] = found["spec"]["replicas"]
    return copies.refresh(found, {**wanted, "spec": spec})


def drop(document: Manifest, path: tuple[str, str], name: str) -> None:
    """Remove one entry of a map, and the map when it was the last."""
    part = document.get(path[0]) or {}
    entries = part.get(path[1]) or {}
    entries.pop(name, None)
    if not entries:
        part.pop(path[1], None)


def _as_written(template: Manifest) -> Manifest:
    written = copy.deepcopy(template)
    drop(written, ("metadata", "annotations"), STARTED_WITH)
    drop(written, ("spec", "nodeSelector"), SCALED_TO_ZERO)
    return written


def _primary_template(target: Target, copied: Collection[Config], revision: str) -> Manifest:
    template = _as_written(target.manifest["spec"]["template"])
    metadata, pod = template.setdefault("metadata", {}), template["spec"]
    metadata["labels"] = {**(metadata.get("labels") or {}), target.label: target.primary_value}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), REVISION: revision}
    use_copies(pod, copied)
    for selector in _own_selectors(pod):
        _point_at_primary(selector, target)
    return template


def _own_selectors(pod: Manifest) -> Iterator[Manifest]:
    for constraint in pod.get("topologySpreadConstraints") or []:
        yield constraint.get("labelSelector") or {}
    affinity = pod.get("affinity") or {}
    for rules in (affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}):
        for term in rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
            yield term.get("labelSelector") or {}
        for preferred in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or []:
            yield preferred["podAffinityTerm"].get("labelSelector") or {}


def _point_at_primary(selector: Manifest, target: Target) -> None:
    labels = selector.get("matchLabels") or {}
    if labels.get(target.label) == target.value:
        labels[target.label] = target.primary_value
    for expression in selector.get("matchExpressions") or []:
        if expression["key"] == target.label:
            values = expression.get("values") or []
            expression["values"] = [target.primary_value if value == target.value else value for value in values]
