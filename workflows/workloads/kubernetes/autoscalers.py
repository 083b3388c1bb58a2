"""Pair the target's autoscaler with one for the primary, and hold the primary at its size during a release.

Pure. The rule to keep: what a hold replaces is kept on the object itself, so that a crash loses nothing.
"""

import copy
from collections.abc import Mapping
from typing import Any

from workflows.cluster.kinds import AUTOSCALER, SCALED_OBJECT, Kind, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Autoscaler
from workflows.workloads.kubernetes import copies

HELD = "penstock.dev/held-min-replicas"
"""The annotation that keeps the minimum which a hold raised; empty where there was none."""

PAUSED = "autoscaling.keda.sh/paused-replicas"
"""KEDA's annotation that stops a ScaledObject and sets its number of replicas."""

_FEWEST = {AUTOSCALER.kind: "minReplicas", SCALED_OBJECT.kind: "minReplicaCount"}
_MOST = {AUTOSCALER.kind: "maxReplicas", SCALED_OBJECT.kind: "maxReplicaCount"}
_KEDA_MOST = 100
_PLACEHOLDER = "\0"


def kind_of(scaler: Autoscaler) -> Kind:
    """Give the kind of an autoscaler; raises ConfigurationError for one that is not known."""
    known = {kind.kind: kind for kind in (AUTOSCALER, SCALED_OBJECT)}
    if scaler.kind not in known:
        raise ConfigurationError(f"spec.autoscalerRef: {scaler.kind} is not known; known: {', '.join(known)}")
    return known[scaler.kind]


def pair(source: Manifest, scaler: Autoscaler, found: Manifest | None) -> Manifest:
    """Make the primary's autoscaler from the target's; a hold on the one there is stays."""
    wanted = copies.copy_of(source, f"{scaler.name}-primary")
    spec, kind = wanted["spec"], kind_of(scaler)
    target = spec["scaleTargetRef"]["name"]
    spec["scaleTargetRef"]["name"] = f"{target}-primary"
    for field, count in ((_FEWEST, scaler.min_replicas), (_MOST, scaler.max_replicas)):
        if count is not None:
            spec[field[kind.kind]] = count
    if kind is SCALED_OBJECT:
        _pair_scaled_object(spec, scaler, target)
    held = _held(found) if found else None
    paired = copies.refresh(found, wanted)
    return paired if found is None or held is None else hold(paired, fewest_of(found))


def hold(scaler: Manifest, size: int) -> Manifest:
    """Raise an autoscaler's minimum to a size, as far as its maximum goes."""
    held = copy.deepcopy(scaler)
    annotations = held["metadata"].setdefault("annotations", {})
    fewest = held["spec"].get(_FEWEST[scaler["kind"]])
    annotations[HELD] = "" if fewest is None else str(fewest)
    most = held["spec"].get(_MOST[scaler["kind"]], _KEDA_MOST)
    held["spec"][_FEWEST[scaler["kind"]]] = max(fewest or 0, min(size, most), 1)
    return held


def let_go(scaler: Manifest) -> Manifest:
    """Give an autoscaler the minimum that it had before the hold."""
    before = _held(scaler)
    if before is None:
        return scaler
    free = copy.deepcopy(scaler)
    del free["metadata"]["annotations"][HELD]
    field = _FEWEST[scaler["kind"]]
    if before:
        free["spec"][field] = int(before)
    else:
        free["spec"].pop(field, None)
    return free


def fewest_of(scaler: Manifest) -> int:
    """Give the least number of replicas an autoscaler sets."""
    return int(scaler["spec"].get(_FEWEST[scaler["kind"]]) or 1)


def pause(scaler: Manifest, *, paused: bool) -> Manifest:
    """Stop a ScaledObject at zero replicas, or let it work again."""
    changed = copy.deepcopy(scaler)
    annotations: dict[str, str] = changed["metadata"].setdefault("annotations", {})
    if paused:
        annotations[PAUSED] = "0"
    else:
        annotations.pop(PAUSED, None)
    return changed


def _held(scaler: Manifest) -> str | None:
    kept: Mapping[str, str] = scaler["metadata"].get("annotations") or {}
    return kept.get(HELD)


def _pair_scaled_object(spec: Manifest, scaler: Autoscaler, target: str) -> None:
    inner = (spec.get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
    if inner.get("name"):
        inner["name"] = f"{inner['name']}-primary"
    for trigger in spec.get("triggers") or []:
        asked: dict[str, Any] = trigger.get("metadata") or {}
        if trigger.get("name") in scaler.queries:
            asked["query"] = scaler.queries[trigger["name"]]
        elif not scaler.queries and "query" in asked:
            asked["query"] = _ask_for_primary(asked["query"], target)


def _ask_for_primary(query: str, target: str) -> str:
    primary = f"{target}-primary"
    return query.replace(primary, _PLACEHOLDER).replace(target, primary).replace(_PLACEHOLDER, primary)
