"""Decide who owns a release: pure rules over the last lease, shared by every store.

The rule to keep: the fence never falls, and rises whenever the owner changes, so that a late owner is known by it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workflows.errors import FencedError
from workflows.ports import Lease

NOBODY = Lease(owner="", fence=0, expires=datetime.min.replace(tzinfo=UTC))
"""The lease of a release that nobody has owned yet."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask for a release: who, from when, for how long; by force, also while another owner holds it."""

    owner: str
    at: datetime
    duration: timedelta
    by_force: bool = False

    def __post_init__(self) -> None:
        """Refuse a claim that nobody makes or that ends at once."""
        if not self.owner:
            raise ValueError("owner: empty; name who takes the release")
        if self.duration <= timedelta():
            raise ValueError(f"duration: {self.duration} is not positive")


def grant(current: Lease, claim: Claim, key: str) -> Lease:
    """Give the lease that follows from a claim; raises FencedError while another's lease runs."""
    if current.owner not in {"", claim.owner} and current.expires > claim.at and not claim.by_force:
        left = (current.expires - claim.at).total_seconds()
        raise FencedError(
            f"{key}: held by {current.owner} (fence {current.fence}) for another {left:.1f} s; "
            f"wait for it to end or stop that owner"
        )
    fence = current.fence if current.owner == claim.owner else current.fence + 1
    return Lease(owner=claim.owner, fence=fence, expires=claim.at + claim.duration)


def check(current: Lease, lease: Lease, key: str) -> None:
    """Raise FencedError when a lease is no longer the one in force."""
    if (current.owner, current.fence) != (lease.owner, lease.fence):
        holder = current.owner or "nobody"
        raise FencedError(
            f"{key}: fence {lease.fence} of {lease.owner} is stale; {holder} holds the release with fence "
            f"{current.fence}. Nothing was saved: acquire the release again"
        )


def give_up(current: Lease, lease: Lease) -> Lease:
    """Give the lease after its owner let go; another owner's lease stays as it is."""
    if (current.owner, current.fence) != (lease.owner, lease.fence):
        return current
    return Lease(owner="", fence=current.fence, expires=NOBODY.expires)
