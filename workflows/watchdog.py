"""End what a dead owner left under way in a cluster: the traffic goes home, the release is declared failed.

Several may watch; one of them, by a Lease of its own, acts. All of them look on, so that whoever leads next has seen
for how long each lease has stood still; who could not look begins anew, since an owner may not have been able to renew
its lease either. A release whose Lease somebody deleted is known by its record. The rule to keep: it acts under a lease
whose fence shuts the old owner out.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows import canary, stages, wiring
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import LEASE, Manifest
from workflows.custody import keeping, let_go
from workflows.errors import FencedError, PenstockError
from workflows.ports import Clock, Lease
from workflows.process import owner
from workflows.release import Release
from workflows.rollout.state import Cause, RolloutState
from workflows.states import tenure
from workflows.states.cluster_lease import PICKED, ClusterLease
from workflows.states.kubernetes import PREFIX, KubernetesStateStore, list_kept
from workflows.states.place import Place

LOOK_EVERY = timedelta(seconds=2)
"""How often leases are looked at."""

LEADER = "penstock.watchdog"
"""Names the Lease of the watchdog that acts; no canary's Lease has a name like it."""

_LEADS_FOR = timedelta(seconds=15)
_OWNS_FOR = timedelta(seconds=60)
_RETRY_AFTER = timedelta(seconds=5)
_UNOWNED_FOR = timedelta(seconds=60)
"""How long a release that was given up under way may be without an owner, for a pipeline to go on with it."""

_RECORDS_EVERY = timedelta(seconds=30)
_MOST_AT_ONCE = 20

log = logging.getLogger("penstock.watchdog")


@dataclass(frozen=True, slots=True)
class Beat:
    """Say where is watched (no namespace: everywhere) and in which namespace the watchdog's own Lease lies."""

    namespaces: Sequence[str]
    home: str


@dataclass(slots=True)
class _Ward:
    store: KubernetesStateStore
    not_before: datetime = tenure.NOBODY.expires
    unowned_since: datetime | None = None
    rescue: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self.rescue is not None and self.rescue.is_alive()


@dataclass(frozen=True, slots=True)
class _Records:
    under_way: Sequence[Place]
    read_at: datetime


@dataclass(slots=True)
class ClusterWatchdog:
    """Look at the leases of a cluster's releases and end those that are orphaned."""

    cluster: Cluster
    beat: Beat
    clock: Clock
    name: str = field(default_factory=lambda: f"watchdog/{owner()}")
    _wards: dict[Place, _Ward] = field(default_factory=dict)
    _records: dict[str, _Records] = field(default_factory=dict)
    _lead: ClusterLease = field(init=False)

    def __post_init__(self) -> None:
        """Take note of the Lease by which one of several watchdogs acts."""
        self._lead = ClusterLease(self.cluster, (self.beat.home, LEADER), self.clock, "watchdog")

    def look(self) -> None:
        """Look once; what cannot be reached is looked at again next time."""
        try:
            leads, leases = self._leads(), self._list()
        except PenstockError as error:
            log.warning("%s", error)
            self._wards = {place: ward for place, ward in self._wards.items() if ward.busy}
            return
        orphans = [place for place, lease in leases.items() if self._judge(place, lease)]
        for place in orphans[:_MOST_AT_ONCE] if leads else ():
            self._act(place)

    def rest(self, timeout: timedelta) -> None:
        """Wait until the rescues that were begun have ended."""
        deadline = self.clock.now() + timeout
        for ward in list(self._wards.values()):
            if ward.rescue:
                ward.rescue.join(max(0.0, (deadline - self.clock.now()).total_seconds()))

    def _list(self) -> dict[Place, Manifest | None]:
        found: dict[Place, Manifest | None] = {}
        for namespace in self.beat.namespaces or [""]:
            try:
                found |= self._list_one(namespace)
            except PenstockError as error:
                # One namespace that cannot be read must not keep the others from being looked at.
                log.warning("%s", error)
        # What could not be listed was not looked at: its releases are looked at anew.
        self._wards = {place: ward for place, ward in self._wards.items() if place in found or ward.busy}
        return found

    def _list_one(self, namespace: str) -> dict[Place, Manifest | None]:
        """Give the leases of a namespace, and None for each release under way whose Lease somebody deleted."""
        leases = self.cluster.list(LEASE, namespace, PICKED)
        ours = {_place(lease): lease for lease in leases if lease["metadata"]["name"].startswith(PREFIX)}
        return {**dict.fromkeys(self._list_under_way(namespace)), **ours}

    def _list_under_way(self, namespace: str) -> Sequence[Place]:
        """Give the releases that were under way by their records, read once in a while."""
        known = self._records.get(namespace)
        if known and self.clock.now() - known.read_at < _RECORDS_EVERY:
            return known.under_way
        under_way: list[Place] = []
        try:
            under_way += [kept.place for kept in list_kept(self.cluster, [namespace]) if kept.state.under_way]
        except PenstockError as error:
            # The leases alone are watched then, which is all that matters while nobody deletes one.
            log.warning("%s", error)
        self._records[namespace] = _Records(under_way, self.clock.now())
        return under_way

    def _judge(self, place: Place, found: Manifest | None) -> bool:
        """Tell whether a release is orphaned, not whether its owner lives or it has none."""
        ward = self._wards.get(place) or _Ward(KubernetesStateStore(self.cluster, place, self.clock))
        self._wards[place] = ward
        try:
            return self._is_orphan(ward, found)
        except PenstockError as error:
            # One record that cannot be read must not keep the others from being looked at.
            log.warning("%s: %s", place, error)
            return False

    def _is_orphan(self, ward: _Ward, found: Manifest | None) -> bool:
        lease, now = ward.store.judge(found), self.clock.now()
        if ward.busy or now < ward.not_before or not self._is_left(ward, lease, now):
            return False
        state = ward.store.load()
        return state is not None and state.under_way

    def _is_left(self, ward: _Ward, lease: Lease, now: datetime) -> bool:
        """Tell whether nobody looks after a release: its owner is gone, or gave it up and nobody took it."""
        if lease.owner:
            ward.unowned_since = None
            return lease.expires <= now
        ward.unowned_since = ward.unowned_since or now
        if now - ward.unowned_since < _UNOWNED_FOR:
            return False
        # A release that rests has no owner either; whether it does is asked once in a while.
        ward.unowned_since = now
        return True

    def _leads(self) -> bool:
        try:
            self._lead.acquire(tenure.Claim(self.name, self.clock.now(), _LEADS_FOR))
        except FencedError:
            return False
        return True

    def _act(self, place: Place) -> None:
        ward = self._wards[place]
        ward.not_before = self.clock.now() + _RETRY_AFTER
        ward.rescue = threading.Thread(target=self._rescue, args=(ward.store, place), name=str(place), daemon=True)
        ward.rescue.start()

    def _rescue(self, store: KubernetesStateStore, place: Place) -> None:
        try:
            gone = store.look().owner
            reason = f"its owner {gone} is gone, the lease ran out" if gone else "nobody owns it while it is under way"
            log.warning("%s: %s; ending the release", place, reason)
            # This store has seen the lease stand still; the one that ends the release goes on under the same name.
            store.acquire(self.name, _OWNS_FOR)
            state = self._end(store, place, reason)
        except FencedError as error:
            # An owner that came back is watched as before; what Flagger drives is not ours to hurry about.
            if store.look().expires <= self.clock.now():
                self._wards[place].not_before = self.clock.now() + _OWNS_FOR
            log.warning("%s: not ours to end: %s", place, error)
        except PenstockError as error:
            log.warning("%s: not ended yet: %s", place, error)
        else:
            log.warning("%s: %s", place, state.phase.value)

    def _end(self, store: KubernetesStateStore, place: Place, reason: str) -> RolloutState:
        text = store.source()
        plan = canary.parse(text, str(place))
        platform = wiring.build("kubernetes", plan, wiring.Wishes(cluster=self.cluster, source=text))
        release = Release(platform, plan, self.name, _OWNS_FOR)
        with keeping(release):
            state = stages.finish(release, Cause.ABORTED, reason)
        let_go(release)
        return state


def _place(lease: Manifest) -> Place:
    metadata = lease["metadata"]
    return Place(metadata["namespace"], metadata["name"].removeprefix(PREFIX))
