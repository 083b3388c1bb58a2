"""Hold a Lease of the cluster: who owns what, until when, under which fencing number.

Clocks differ, so the time in the object is not trusted. A lease has run out when it stayed the same for its whole
duration while we looked on (as client-go judges), or, for who has only just come, a minute later than it says: `SKEW`
is how far two clocks may be apart. The rule to keep: a fence never falls, not even when the object was deleted.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import LEASE, Manifest
from workflows.cluster.pen import FENCE
from workflows.errors import ConfigurationError, ConflictError
from workflows.ports import Clock, Lease
from workflows.states import tenure

SKEW = timedelta(minutes=1)
"""How far the clocks of two owners may be apart."""

LABELS = {"app.kubernetes.io/managed-by": "penstock"}
PICKED = ",".join(f"{label}={value}" for label, value in LABELS.items())
"""Picks the objects that bear our labels."""

Where = tuple[str, str]
"""The namespace and the name of a Lease."""

_ATTEMPTS = 10
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_LONG_AGO = tenure.NOBODY.expires


@dataclass(frozen=True, slots=True)
class _Sighting:
    mark: tuple[str, str]
    since: datetime


class ClusterLease:
    """Hold one Lease object; `what` it stands for begins every error."""

    def __init__(self, cluster: Cluster, where: Where, clock: Clock, what: str) -> None:
        self._cluster = cluster
        self._namespace, self._name = where
        self._what = what
        self._clock = clock
        self._seen = _Sighting(("", ""), _LONG_AGO)

    def look(self) -> Lease:
        """Give the lease as it stands; `expires` is when we shall take it for run out."""
        return self.judge(self._cluster.get(LEASE, self._namespace, self._name))

    def acquire(self, claim: tenure.Claim) -> Lease:
        """Become the owner or stay it; raises FencedError while another's lease runs."""
        for _ in range(_ATTEMPTS):
            found = self._cluster.get(LEASE, self._namespace, self._name)
            current = self._judge_at_once(found)
            lease = tenure.grant(current, claim, self._what)
            try:
                self._write(found, self._describe(found, lease, claim))
            except ConflictError:
                continue
            self._seen = _Sighting((lease.owner, _stamp(claim.at)), claim.at)
            return lease
        raise ConflictError(f"{self._what}: others write it faster than we can")

    def check(self, lease: Lease) -> None:
        """Raise FencedError when a lease is no longer the one in force."""
        tenure.check(self.look(), lease, self._what)

    def release(self, lease: Lease) -> None:
        """Give the lease up; does nothing when another owner holds it."""
        found = self._cluster.get(LEASE, self._namespace, self._name)
        if found is None or tenure.give_up(self.judge(found), lease).owner:
            return
        found["spec"] = {**found["spec"], "holderIdentity": None, "renewTime": None}
        self._write(found, found)

    def judge(self, found: Manifest | None) -> Lease:
        """Give the lease as an object that was just read has it, None where there is none; `expires` as we saw it."""
        if found is None:
            # Objects of the release may bear the fences of a Lease that was deleted: a clock's seconds are above them.
            return replace(tenure.NOBODY, fence=int(self._clock.now().timestamp()))
        with self._reading():
            return self._read(found["metadata"], found.get("spec") or {})

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OverflowError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{self._what}: lease {self._name} is not ours ({error}); delete it") from error

    def _read(self, metadata: Manifest, spec: Manifest) -> Lease:
        owner = spec.get("holderIdentity") or ""
        fence = int(str((metadata.get("annotations") or {}).get(FENCE) or spec.get("leaseTransitions") or 0))
        if not owner or not spec.get("renewTime"):
            return Lease(owner="", fence=fence, expires=_LONG_AGO)
        return Lease(owner=owner, fence=fence, expires=self._find_end(owner, spec))

    def _find_end(self, owner: str, spec: Manifest) -> datetime:
        now, renewed = self._clock.now(), str(spec["renewTime"])
        if self._seen.mark != (owner, renewed):
            self._seen = _Sighting((owner, renewed), now)
        return self._seen.since + _duration(spec)

    def _judge_at_once(self, found: Manifest | None) -> Lease:
        """Judge for who has not looked on: by what the object says, with room for clocks that differ."""
        lease = self.judge(found)
        if found is None or not lease.owner:
            return lease
        with self._reading():
            renewed = datetime.fromisoformat(found["spec"]["renewTime"]).astimezone(UTC)
            stated = renewed + _duration(found["spec"]) + SKEW
        return replace(lease, expires=min(lease.expires, stated))

    def _describe(self, found: Manifest | None, lease: Lease, claim: tenure.Claim) -> Manifest:
        before = found or {"metadata": {}, "spec": {}}
        spec, metadata, stamp = before.get("spec") or {}, before["metadata"], _stamp(claim.at)
        changed = found is None or spec.get("holderIdentity") != lease.owner
        return {
            "metadata": {
                **metadata,
                "name": self._name,
                "namespace": self._namespace,
                "labels": {**(metadata.get("labels") or {}), **LABELS},
                "annotations": {**(metadata.get("annotations") or {}), FENCE: str(lease.fence)},
            },
            "spec": {
                **spec,
                "holderIdentity": lease.owner,
                "leaseDurationSeconds": max(1, math.ceil(claim.duration.total_seconds())),
                "acquireTime": stamp if changed else spec.get("acquireTime", stamp),
                "renewTime": stamp,
                "leaseTransitions": (spec.get("leaseTransitions") or 0) + (1 if found and changed else 0),
            },
        }

    def _write(self, found: Manifest | None, wanted: Manifest) -> None:
        wanted = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **wanted}
        if found is None:
            self._cluster.create(LEASE, wanted)
        else:
            self._cluster.replace(LEASE, wanted)


def _duration(spec: Manifest) -> timedelta:
    return timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_TIME)
