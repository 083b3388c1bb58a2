"""Keep states in a cluster: a Lease says who owns a release, a ConfigMap beside it where the release stands.

The rule to keep: state is written under the fence of its writer and on the version that was read, so that an owner who
was replaced can neither save nor be saved over.
"""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workflows.cluster.client import Cluster
from workflows.cluster.guard import Guard, driven_by_flagger, find_canary
from workflows.cluster.kinds import CANARY, CONFIG_MAP, LEASE, Manifest
from workflows.cluster.pen import FENCE, Pen
from workflows.errors import ConfigurationError, ConflictError, FencedError, PenstockError
from workflows.ports import Clock, Lease
from workflows.rollout.order import Order
from workflows.rollout.state import RolloutState
from workflows.states import canary_status, record, tenure
from workflows.states.cluster_lease import LABELS, PICKED, ClusterLease
from workflows.states.place import Place

PREFIX = "penstock-"
"""Begins the names of the Lease and the ConfigMap; the canary's name follows."""

STATE, SOURCE, ORDER = "state.json", "canary.yaml", "order.json"
"""The keys of the ConfigMap: where the release stands, the Canary it is decided by, what somebody ordered last."""

HEAD = "penstock.dev/journal-head"
"""The ConfigMap's annotation with the hash of the last line of the release's journal, where one is kept."""

log = logging.getLogger("penstock.states")


class KubernetesStateStore:
    """Keep one canary's state and owner in its namespace; `source` is the text of the Canary that decides."""

    def __init__(self, cluster: Cluster, place: Place, clock: Clock, source: str = "") -> None:
        self._cluster = cluster
        self._place = place
        self._name = PREFIX + place.name
        self._clock = clock
        self._source = source
        self._guard = Guard(cluster, place.namespace, place.name)
        self._tenure = ClusterLease(cluster, (place.namespace, self._name), clock, place.key)
        self._lease = tenure.NOBODY
        self._saved: RolloutState | None = None
        self._lock = threading.RLock()

    def load(self) -> RolloutState | None:
        """Give the state, None before the first; one that was deleted under its owner is known to the owner."""
        kept = self._read()
        document = (kept or {}).get("data") or {}
        return record.decode(_parse(document[STATE], self._place.key)) if STATE in document else self._saved

    def source(self) -> str:
        """Give the text of the Canary that the release was last decided by, empty when none was kept."""
        return str(((self._read() or {}).get("data") or {}).get(SOURCE, ""))

    def judge(self, found: Manifest | None) -> Lease:
        """Give the lease as a Lease object that was just listed has it, None for none; as `look`."""
        return self._tenure.judge(found)

    def look(self) -> Lease:
        """Give the lease as it stands; `expires` is when it will have stood still for its whole duration."""
        return self._tenure.look()

    def save(self, state: RolloutState, lease: Lease) -> None:
        """Keep the state and show it on the Canary; raises FencedError when another owner holds the release."""
        with self._lock:
            self._tenure.check(lease)
            # With the Canary's text: the ConfigMap may have been deleted, and the watchdog ends releases by it.
            source = {SOURCE: self._source} if self._source else {}
            self._put(lease, {STATE: json.dumps({"key": self._place.key, **record.encode(state)}), **source})
            self._saved = state
        self._show(state)

    def acquire(self, owner: str, duration: timedelta, *, by_force: bool = False) -> Lease:
        """Become the owner or stay it; raises FencedError while another's lease runs, or while Flagger drives."""
        with self._lock:
            self._guard()
            try:
                lease = self._tenure.acquire(tenure.Claim(owner, self._clock.now(), duration, by_force=by_force))
            except FencedError:
                # Nothing more is written under the lease that somebody took from us.
                self._lease = tenure.NOBODY
                raise
            if lease.fence != self._lease.fence:
                # From here on no older owner can write the state, not even one that checked its lease a moment ago.
                self._put(lease, {SOURCE: self._source} if self._source else {})
            self._lease = lease
            return lease

    def release(self, lease: Lease) -> None:
        """Give the release up; does nothing when another owner holds it."""
        with self._lock:
            self._tenure.release(lease)
            self._lease = tenure.NOBODY

    def forget(self, lease: Lease) -> None:
        """Remove the state and the lease, for a canary that is no longer released."""
        with self._lock:
            self._tenure.check(lease)
            self._cluster.delete(CONFIG_MAP, self._place.namespace, self._name)
            self._cluster.delete(LEASE, self._place.namespace, self._name)
            self._lease, self._saved = tenure.NOBODY, None

    def order(self, order: Order) -> None:
        """Keep what somebody orders, in place of the last order."""
        data = {"data": {ORDER: json.dumps(record.encode_order(order))}}
        if self._read() is None:
            raise ConfigurationError(
                f"{self._place.key}: no release of it is known here; nothing to {order.command.value}"
            )
        self._cluster.patch(CONFIG_MAP, self._place.namespace, self._name, data)

    def ordered(self) -> Order | None:
        """Give the last order, None before the first."""
        data = (self._read() or {}).get("data") or {}
        return record.decode_order(_parse(data[ORDER], self._place.key)) if ORDER in data else None

    def fence(self) -> int:
        """Give our fencing number; raises ConflictError when we have not renewed our lease in time."""
        lease = self._lease
        if lease.expires <= self._clock.now():
            raise ConflictError(f"{self._place.key}: our lease has run out; it must be renewed before anything moves")
        return lease.fence

    def _read(self) -> Manifest | None:
        return self._cluster.get(CONFIG_MAP, self._place.namespace, self._name)

    def _put(self, lease: Lease, data: dict[str, str]) -> None:
        def build(found: Manifest | None) -> Manifest:
            wanted: dict[str, Any] = found or {"metadata": {"name": self._name}}
            metadata = wanted["metadata"]
            metadata["labels"] = {**(metadata.get("labels") or {}), **LABELS}
            metadata["annotations"] = {**(metadata.get("annotations") or {}), FENCE: str(lease.fence)}
            wanted["data"] = {**(wanted.get("data") or {}), **data}
            return wanted

        pen = Pen(self._cluster, self._place.namespace, lambda: lease.fence, lambda: None)
        pen.put(CONFIG_MAP, self._name, build)

    def _show(self, state: RolloutState) -> None:
        place = self._place
        try:
            canary = find_canary(self._cluster, place.namespace, place.name)
            ours = canary is not None and not driven_by_flagger(canary)
            change = canary_status.describe(state, canary, self._clock.now()) if canary and ours else None
            if change:
                self._cluster.patch(CANARY, place.namespace, place.name, {"status": change}, "status")
        except PenstockError as error:
            # The status is for readers; a release does not fail for want of them.
            log.warning("%s: its status cannot be shown: %s", place.key, error)


def _parse(text: str, key: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{key}: state record: {error}; remove the record to start afresh") from error


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold what a cluster keeps of one canary: where its release stands, and the Canary's text."""

    place: Place
    state: RolloutState
    source: str


def list_kept(cluster: Cluster, namespaces: Sequence[str]) -> Iterator[Kept]:
    """Give every canary's record in some namespaces (in all, if there are none); what cannot be read is passed over."""
    for namespace in namespaces or ("",):
        for found in cluster.list(CONFIG_MAP, namespace, PICKED):
            data = found.get("data") or {}
            metadata = found["metadata"]
            if metadata["name"].startswith(PREFIX) and STATE in data:
                yield from _read_kept(data, Place(metadata["namespace"], metadata["name"].removeprefix(PREFIX)))


def _read_kept(data: dict[str, str], place: Place) -> Iterator[Kept]:
    with suppress(ConfigurationError):
        state = record.decode(_parse(data[STATE], place.key))
        yield Kept(place, state, data.get(SOURCE, ""))
