"""Tell from a workload's status how far its pods are, in Flagger's words, and for how long they have not moved on.

Pure. The rules to keep: a status that is older than the spec says nothing; how long is measured by our own clock, and
another clock's word counts only for what exceeds the skew that clocks may have.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.cluster.kinds import DEPLOYMENT, Kind, Manifest
from workflows.rollout.traffic import ALL
from workflows.workloads.kubernetes.templates import SCALED_TO_ZERO

SKEW = timedelta(minutes=1)
"""How far the clocks of a cluster and ours may be apart."""

_NONE: Manifest = {}


@dataclass(frozen=True, slots=True)
class Progress:
    """Hold how far a workload's pods are: `wanted` by its spec, then `updated`, `available` and all of them.

    `since` is since when, by the cluster's clock, too few have been available; `exceeded` says that the cluster has
    given up on them, `idle` that none are wanted.
    """

    wanted: int
    updated: int = 0
    available: int = 0
    total: int = 0
    observed: bool = True
    since: datetime | None = None
    exceeded: bool = False
    idle: bool = False

    def find_lack(self, percent: int) -> str:
        """Say what keeps the workload from being ready at a threshold in percent; nothing when it is."""
        if not self.observed:
            return "waiting for rollout to finish: observed generation less than desired generation"
        if self.updated < self.wanted:
            return f"waiting for rollout to finish: {self.updated} out of {self.wanted} new replicas have been updated"
        if self.total > self.updated:
            return f"waiting for rollout to finish: {self.total - self.updated} old replicas are pending termination"
        if self.available < math.ceil(self.updated * percent / ALL):
            threshold = f" (readyThreshold {percent}%)" if percent != ALL else ""
            return (
                f"waiting for rollout to finish: {self.available} of {self.updated}{threshold} "
                "updated replicas are available"
            )
        return ""


def read_progress(kind: Kind, manifest: Manifest) -> Progress:
    """Read how far a Deployment's or a DaemonSet's pods are."""
    return _read_deployment(manifest) if kind is DEPLOYMENT else _read_daemon_set(manifest)


def _read_deployment(manifest: Manifest) -> Progress:
    status = manifest.get("status") or _NONE
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    available, progressing = conditions.get("Available", _NONE), conditions.get("Progressing", _NONE)
    return Progress(
        wanted=replicas_of(manifest),
        updated=status.get("updatedReplicas") or 0,
        available=status.get("availableReplicas") or 0,
        total=status.get("replicas") or 0,
        observed=_observed(manifest),
        since=_latest(available, progressing) if available.get("status") == "False" else None,
        exceeded=progressing.get("reason") == "ProgressDeadlineExceeded",
        idle=replicas_of(manifest) == 0,
    )


def _read_daemon_set(manifest: Manifest) -> Progress:
    status = manifest.get("status") or _NONE
    return Progress(
        wanted=status.get("desiredNumberScheduled") or 0,
        updated=status.get("updatedNumberScheduled") or 0,
        available=status.get("numberAvailable") or 0,
        # Pods of a DaemonSet are replaced node by node; there are no old ones beside them.
        total=status.get("updatedNumberScheduled") or 0,
        observed=_observed(manifest),
        idle=SCALED_TO_ZERO in (manifest["spec"]["template"]["spec"].get("nodeSelector") or _NONE),
    )


def replicas_of(manifest: Manifest) -> int:
    """Give how many pods a Deployment asks for, one unless it says otherwise."""
    replicas = manifest["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _observed(manifest: Manifest) -> bool:
    seen = (manifest.get("status") or _NONE).get("observedGeneration") or 0
    return int(seen) >= int(manifest["metadata"].get("generation") or 0)


def _latest(available: Manifest, progressing: Manifest) -> datetime | None:
    told = [available.get("lastTransitionTime"), progressing.get("lastUpdateTime")]
    times = [datetime.fromisoformat(time) for time in told if time]
    return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Patience:
    """Remember how far an arm has come since it was last ready, and since when it has come no further.

    `attempt` names what it is trying to run; another attempt has its own time.
    """

    attempt: str
    best: tuple[int, int]
    since: datetime

    def renew(self, seen: "Patience") -> "Patience":
        """Give what to remember after another look; only more than ever before is progress."""
        return self if seen.attempt == self.attempt and seen.best <= self.best else seen


def measure_stall(patience: Patience, progress: Progress, now: datetime, deadline: timedelta) -> timedelta:
    """Tell how long an arm has not moved on: by our clock, by the cluster's beyond the skew, or past the deadline."""
    told = now - progress.since - SKEW if progress.since and progress.observed else timedelta()
    exceeded = deadline + timedelta(seconds=1) if progress.exceeded and progress.observed else timedelta()
    return max(now - patience.since, told, exceeded)


def count_endpoints(slices: Iterable[Manifest]) -> int:
    """Count the ready endpoints of a service, each once however many addresses it has."""
    ready = set()
    for part in slices:
        for endpoint in part.get("endpoints") or []:
            if (endpoint.get("conditions") or _NONE).get("ready") is not False:
                pod = (endpoint.get("targetRef") or _NONE).get("name")
                ready.add(pod or str(endpoint["addresses"]))
    return len(ready)


def explain_pods(pods: Iterable[Manifest]) -> str:
    """Say why the first pod that is in trouble is, in the cluster's own words; nothing when none says."""
    for pod in pods:
        status = pod.get("status") or _NONE
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            trouble = _explain_container(container)
            if trouble:
                return f"{pod['metadata']['name']}: {trouble}"
        for condition in status.get("conditions") or []:
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return f"{pod['metadata']['name']}: {condition.get('reason')}: {condition.get('message')}"
    return ""


def _explain_container(container: Manifest) -> str:
    waiting = (container.get("state") or _NONE).get("waiting") or _NONE
    reason = waiting.get("reason", "")
    if reason in {"", "ContainerCreating", "PodInitializing"}:
        return ""
    ended = (container.get("lastState") or _NONE).get("terminated") or _NONE
    code = f" after exit code {ended['exitCode']}" if "exitCode" in ended else ""
    message = f": {waiting['message']}" if waiting.get("message") and not code else ""
    return f"{reason}{code}{message}"
