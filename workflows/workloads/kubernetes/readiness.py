"""Look at an arm: can it serve, how many of its pods could answer, and what is the matter if not."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import ENDPOINT_SLICE, POD, Manifest
from workflows.errors import ConfigurationError, TemporaryError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import ALL, Arm, Readiness
from workflows.workloads.kubernetes import progress
from workflows.workloads.kubernetes.arms import Arms, template_of
from workflows.workloads.kubernetes.progress import Patience, Progress
from workflows.workloads.kubernetes.tracker import track

_FULL_LOAD = 125
"""What a pod can carry, in percent of what it usually does: autoscalers aim at about 80 percent of its limit."""

_ABSENT = Progress(wanted=1)
_WAYS_OUT = {Arm.CANARY: "apply it again", Arm.PRIMARY: "release once with skipAnalysis to make it anew"}


class Lookout:
    """Look at the arms of one plan, and remember since when one of them has not moved on."""

    def __init__(self, cluster: Cluster, plan: RolloutPlan, clock: Clock) -> None:
        self._cluster = cluster
        self._plan = plan
        self._clock = clock
        self._arms = Arms(cluster, plan)
        self._patience: dict[Arm, Patience] = {}

    def look(self, arm: Arm) -> Readiness:
        """Tell whether an arm can serve."""
        found = self._arms.read(arm)
        if found is None:
            return Readiness(
                ready=False,
                endpoints=0,
                reason=f"{self._arms.where(arm)}: not found; {_WAYS_OUT[arm]}",
                unready_for=self._measure(arm, "", _ABSENT),
            )
        state = progress.read_progress(self._arms.kind, found)
        serving = 0 if state.idle else self._count_endpoints(arm, state)
        lack = self._find_lack(arm, found, state, serving)
        if not lack:
            self._patience.pop(arm, None)
            return Readiness(ready=True, endpoints=serving)
        stall = self._measure(arm, _attempt(found), state)
        return Readiness(ready=False, endpoints=serving, reason=lack, unready_for=stall)

    def capacity(self) -> int:
        """Tell how many percent of the traffic the primary can carry now, by its share of ready endpoints."""
        readiness, found = self.look(Arm.PRIMARY), self._arms.read(Arm.PRIMARY)
        if readiness.ready or found is None:
            return ALL if readiness.ready else 0
        wanted = progress.read_progress(self._arms.kind, found).wanted
        return min(ALL, readiness.endpoints * _FULL_LOAD // max(1, wanted))

    def _find_lack(self, arm: Arm, found: Manifest, state: Progress, serving: int) -> str:
        analysis = self._plan.analysis
        if state.idle:
            return "scaled to zero"
        missing = track(self._cluster, self._plan.namespace, template_of(found)).lack if arm is Arm.CANARY else ""
        percent = analysis.canary_ready_percent if arm is Arm.CANARY else analysis.primary_ready_percent
        lack = (
            missing
            or state.find_lack(percent)
            or ("" if serving else f"no ready endpoint of Service {self._service(arm)}")
        )
        return lack and self._explain(lack, found)

    def _explain(self, lack: str, found: Manifest) -> str:
        labels: Mapping[str, str] = (found["spec"].get("selector") or {}).get("matchLabels") or {}
        picked = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        # A reason is worth a question, but never an error: the right to list pods may be missing.
        with suppress(ConfigurationError, TemporaryError):
            trouble = progress.explain_pods(self._cluster.list(POD, self._plan.namespace, picked))
            return f"{lack}: {trouble}" if trouble else lack
        return lack

    def _count_endpoints(self, arm: Arm, state: Progress) -> int:
        counted = count_endpoints(self._cluster, self._plan.namespace, self._service(arm))
        # Before the first route there are no services; then the pods themselves are counted.
        return state.available if counted is None else counted

    def _service(self, arm: Arm) -> str:
        return f"{self._plan.service.name}-{arm.value}"

    def _measure(self, arm: Arm, attempt: str, state: Progress) -> timedelta:
        now, known = self._clock.now(), self._patience.get(arm)
        begun = Patience(attempt, (state.updated, state.available), now)
        patience = known.renew(begun) if known else begun
        self._patience[arm] = patience
        return progress.measure_stall(patience, state, now, self._plan.progress_deadline)


def count_endpoints(cluster: Cluster, namespace: str, service: str) -> int | None:
    """Count a service's ready endpoints; None while the cluster has not listed any, ready or not."""
    slices = cluster.list(ENDPOINT_SLICE, namespace, f"kubernetes.io/service-name={service}")
    return progress.count_endpoints(slices) if slices else None


def _attempt(manifest: Manifest) -> str:
    idle = manifest["spec"].get("replicas") == 0
    said = json.dumps([manifest["metadata"].get("uid"), idle, template_of(manifest)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
