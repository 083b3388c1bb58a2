"""Say in a Canary's status where its release stands, in Flagger's fields, so that `kubectl get canaries` is true.

Pure. The rule to keep: Flagger's own hashes (lastAppliedSpec, lastPromotedSpec, trackedConfigs) are never written; they
would make it take our releases for its own.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from workflows.cluster.kinds import Manifest
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState

PROMOTED = "Promoted"
"""The type of Flagger's one condition."""

_CONDITIONS: Mapping[Phase, tuple[str, str]] = MappingProxyType(
    {
        Phase.INITIALIZING: ("Unknown", "New {kind} detected, starting initialization."),
        Phase.INITIALIZED: ("True", "{kind} initialization completed."),
        Phase.WAITING: ("Unknown", "Waiting for approval."),
        Phase.PROGRESSING: ("Unknown", "New revision detected, progressing canary analysis."),
        Phase.WAITING_PROMOTION: ("Unknown", "Waiting for approval."),
        Phase.PROMOTING: ("Unknown", "Canary analysis completed, starting primary rolling update."),
        Phase.FINALISING: ("Unknown", "Canary analysis completed, routing all traffic to primary."),
        Phase.SUCCEEDED: ("True", "Canary analysis completed successfully, promotion finished."),
        Phase.FAILED: ("False", "Canary analysis failed, {kind} scaled to zero."),
    }
)


def describe(state: RolloutState, canary: Manifest, at: datetime) -> dict[str, Any] | None:
    """Give the change of a Canary's status that a state asks for, None when it says so already."""
    before: dict[str, Any] = canary.get("status") or {}
    shown = {
        "phase": state.phase.value,
        "canaryWeight": state.weight,
        "failedChecks": state.failed_checks,
        "iterations": state.iterations,
    }
    kind = canary["spec"]["targetRef"]["kind"]
    if all(before.get(name) == value for name, value in shown.items()) and _find(before):
        return None
    stamp = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    others = [each for each in before.get("conditions") or [] if each.get("type") != PROMOTED]
    condition = _describe_condition(state.phase, kind, _find(before), stamp)
    return {**shown, "lastTransitionTime": stamp, "conditions": [*others, condition]}


def _find(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or [] if each.get("type") == PROMOTED), {})


def _describe_condition(phase: Phase, kind: str, before: Mapping[str, Any], stamp: str) -> dict[str, str]:
    status, message = _CONDITIONS[phase]
    since = before.get("lastTransitionTime", stamp) if before.get("status") == status else stamp
    return {
        "type": PROMOTED,
        "status": status,
        "reason": phase.value,
        "message": message.format(kind=kind),
        "lastUpdateTime": stamp,
        "lastTransitionTime": since,
    }
