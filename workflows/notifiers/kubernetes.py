"""Show events where `kubectl describe canary` looks: as Events of the Canary, or of its target where there is none.

A repeated event is counted on the Event that stands, as the recorders of Kubernetes do.
"""

import logging
import uuid
from datetime import UTC, datetime

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, EVENT, Kind, Manifest
from workflows.errors import PenstockError
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Event

COMPONENT = "penstock"
REASON = "Synced"
"""The reason of every Event, as Flagger's events have it."""

_LONGEST = 1024
_KEPT_CUT = "..."

log = logging.getLogger("penstock.events")


class KubernetesEvents:
    """Write each event as an Event object about one canary; `target_kind` is the kind of its target."""

    def __init__(self, cluster: Cluster, target_kind: Kind) -> None:
        self._cluster = cluster
        self._target_kind = target_kind
        self._about: Manifest | None = None
        self._last: Manifest | None = None

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Show one event; a cluster that does not take it is named in the log."""
        try:
            self._last = self._repeat(plan, event, at) or self._cluster.create(EVENT, self._write(plan, event, at))
        except PenstockError as error:
            log.warning("%s: event %r is not in the cluster: %s", plan.key, event.message, error)

    def _repeat(self, plan: RolloutPlan, event: Event, at: datetime) -> Manifest | None:
        last = self._last
        if last is None or (last["message"], last["type"]) != (_cut(event.message), _type(event)):
            return None
        change = {"count": last["count"] + 1, "lastTimestamp": _stamp(at)}
        return self._cluster.patch(EVENT, plan.namespace, last["metadata"]["name"], change)

    def _write(self, plan: RolloutPlan, event: Event, at: datetime) -> Manifest:
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{plan.name}.{uuid.uuid4().hex[:16]}", "namespace": plan.namespace},
            "involvedObject": self._find(plan),
            "type": _type(event),
            "reason": REASON,
            "message": _cut(event.message),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "count": 1,
            "firstTimestamp": _stamp(at),
            "lastTimestamp": _stamp(at),
        }

    def _find(self, plan: RolloutPlan) -> Manifest:
        if self._about is None:
            self._about = self._look_up(plan)
        return self._about

    def _look_up(self, plan: RolloutPlan) -> Manifest:
        canary = self._read_canary(plan)
        kind, name = (CANARY, plan.name) if canary else (self._target_kind, plan.target.name)
        found = canary or self._cluster.get(kind, plan.namespace, name)
        about = {"apiVersion": kind.api_version, "kind": kind.kind, "namespace": plan.namespace, "name": name}
        return about | ({"uid": found["metadata"]["uid"]} if found else {})

    def _read_canary(self, plan: RolloutPlan) -> Manifest | None:
        try:
            return self._cluster.get(CANARY, plan.namespace, plan.name)
        except PenstockError:
            # A cluster without Flagger's definitions has no Canary to look at.
            return None


def _type(event: Event) -> str:
    return "Warning" if event.warning else "Normal"


def _cut(message: str) -> str:
    # The API server refuses longer messages of this kind.
    return message if len(message) <= _LONGEST else message[: _LONGEST - len(_KEPT_CUT)] + _KEPT_CUT


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
