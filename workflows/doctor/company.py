"""Examine who else is there: Flagger's controller, a watchdog, and the clocks that leases are told by."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from workflows.cluster.client import Cluster
from workflows.cluster.guard import adopted, driven_by_flagger, find_canary
from workflows.cluster.kinds import DEPLOYMENT, LEASE, Manifest
from workflows.doctor.finding import Finding, failed, ok, warning
from workflows.errors import PenstockError
from workflows.rollout.plan import RolloutPlan
from workflows.states.cluster_lease import PICKED, SKEW
from workflows.watchdog import LEADER

_ALIVE_WITHIN = timedelta(minutes=1)
_NOTICED_S = 5.0
Now = Callable[[], datetime]


def tell_time() -> datetime:
    """Give the time by this machine's clock."""
    return datetime.now(UTC)  # noqa: TID251 - a command asks for the time once, nothing waits for it


def look_at_driver(cluster: Cluster, plan: RolloutPlan) -> Iterator[Finding]:
    """See whether Flagger's controller drives the canary, or would if it were let."""
    found = find_canary(cluster, plan.namespace, plan.name)
    controllers = _list_controllers(cluster)
    beside = f"; Flagger's controller runs in {controllers}" if controllers else ""
    where = f"canary/{plan.name} -n {plan.namespace}"
    if found is None:
        yield ok("driver", f"{where} is not in the cluster; whoever has its file drives it{beside}")
    elif driven_by_flagger(found):
        mend = f"nothing, where Flagger is to drive and Penstock answers its hooks; else: penstock adopt {where}"
        yield warning("driver", f"Flagger drives {where}{beside}; penstock run and stage are refused", mend)
    elif controllers and not adopted(found):
        mend = f"tell Flagger to leave it alone: penstock adopt {where}"
        yield warning("driver", f"{where} is nobody's yet{beside}", mend)
    else:
        yield ok("driver", f"{where} may be released by penstock{beside}")


def _list_controllers(cluster: Cluster) -> str:
    # Whoever may not see other namespaces is not told of what runs there.
    with suppress(PenstockError):
        found = cluster.list(DEPLOYMENT, "", "app.kubernetes.io/name=flagger")
        return ", ".join(sorted({each["metadata"]["namespace"] for each in found}))
    return ""


def look_at_watchdog(cluster: Cluster, namespace: str, now: Now = tell_time) -> Iterator[Finding]:
    """See whether a watchdog is at work, by the Lease that it renews."""
    lease = cluster.get(LEASE, namespace, LEADER) or _find_elsewhere(cluster)
    mend = f"start one: penstock watchdog -n {namespace}, or penstock serve --watchdog {namespace}"
    if lease is None:
        yield warning("watchdog", "none was seen; a release whose owner dies stays where it is", mend)
        return
    spec, where = lease.get("spec") or {}, lease["metadata"]["namespace"]
    age = now() - datetime.fromisoformat(str(spec.get("renewTime") or "1970-01-01T00:00:00Z")).astimezone(UTC)
    if age > _ALIVE_WITHIN or not spec.get("holderIdentity"):
        yield warning("watchdog", f"that of {where} was last at work {age.total_seconds():.0f} s ago", mend)
    else:
        yield ok("watchdog", f"{spec['holderIdentity']} is at work, by its Lease in {where}")


def _find_elsewhere(cluster: Cluster) -> Manifest | None:
    with suppress(PenstockError):
        leases = cluster.list(LEASE, "", PICKED)
        found = [each for each in leases if each["metadata"]["name"] == LEADER]
        return max(found, key=lambda each: str((each.get("spec") or {}).get("renewTime")), default=None)
    return None


def look_at_clock(cluster: Cluster, now: Now = tell_time) -> Iterator[Finding]:
    """Compare our clock with the API server's: leases are told by the clocks of their owners."""
    theirs = cluster.time()
    skew_s = abs((now() - theirs).total_seconds())
    said = f"ours and the API server's differ by {skew_s:.0f} s"
    mend = "set this machine's clock, as by NTP: a lease may be taken for run out while it runs"
    if skew_s <= _NOTICED_S:
        yield ok("clock", said)
    else:
        yield (failed if skew_s >= SKEW.total_seconds() else warning)("clock", said, mend)
