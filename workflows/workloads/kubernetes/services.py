"""Run the two versions behind plain Services: the target's selector says which pods are the new version.

There are no pods to scale here: whoever runs them keeps both versions up until the release has ended. The rule to keep:
the primary's Service changes by a promotion alone.
"""

import hashlib
import json
from datetime import timedelta

from workflows.cluster.kinds import SERVICE, Manifest
from workflows.cluster.ownership import read_claim
from workflows.cluster.pen import Pen
from workflows.cluster.targets import read_target
from workflows.errors import ConfigurationError, TemporaryError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import ALL, Arm, Readiness
from workflows.workloads.kubernetes import copies
from workflows.workloads.kubernetes.progress import Patience
from workflows.workloads.kubernetes.readiness import count_endpoints

_IDENTITY = ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")
"""What the cluster gives a Service of its own."""

_GONE = "gone"


class ServiceWorkload:
    """Make the arms' Services from the target's."""

    def __init__(self, pen: Pen, plan: RolloutPlan, clock: Clock) -> None:
        if plan.provider == "kubernetes":
            raise ConfigurationError(
                f"{plan.key}: spec.targetRef: provider kubernetes moves traffic by the selector of its own service, "
                "so the target cannot be a Service; name a Deployment or DaemonSet, or another provider"
            )
        self._pen = pen
        self._plan = plan
        self._clock = clock
        self._patience: dict[Arm, Patience] = {}

    def initialise(self) -> None:
        """Make the primary's Service from the target's if there is none, and the canary's anew."""
        self._write(Arm.CANARY, self._target())
        if self._read(Arm.PRIMARY) is None:
            self._write(Arm.PRIMARY, self._target())

    def revision(self) -> str:
        """Identify what the target's Service selects; a target that was deleted is another revision."""
        found = self._pen.cluster.get(SERVICE, self._plan.namespace, self._plan.target.name)
        if found is None and self._read(Arm.PRIMARY):
            return _GONE
        return _revise(self._target())

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm's Service has endpoints; one that leads out of the cluster is taken at its word."""
        found = self._read(arm)
        if found and found["spec"].get("type") == "ExternalName":
            return Readiness(ready=True, endpoints=1)
        stale = arm is Arm.CANARY and found is not None and _revise(found) != self.revision()
        endpoints = count_endpoints(self._pen.cluster, self._plan.namespace, self._name(arm)) or 0
        if endpoints and not stale:
            self._patience.pop(arm, None)
            return Readiness(ready=True, endpoints=endpoints)
        lack = "still selects the pods of another revision" if stale else "no ready endpoint"
        reason = f"Service {self._name(arm)} in {self._plan.namespace}: {lack if found else 'not found'}"
        return Readiness(ready=False, endpoints=endpoints, reason=reason, unready_for=self._measure(arm))

    def capacity(self) -> int:
        """Tell how many percent of the traffic the primary can carry: all, since nobody scales it."""
        return ALL

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Make the canary's Service select what the target's does; its pods are not ours to scale."""
        if up and arm is Arm.CANARY:
            self._write(arm, self._target())

    def promote(self, revision: str) -> None:
        """Make the primary's Service select what the target's does; refuse when that is another revision."""
        target = self._target()
        current = _revise(target)
        if current != revision:
            raise TemporaryError(
                f"Service {self._plan.target.name} in {self._plan.namespace}: at revision {current}, not {revision}; "
                "a newer release has begun"
            )
        self._write(Arm.PRIMARY, target)

    def _target(self) -> Manifest:
        return read_target(self._pen.cluster, self._plan).manifest

    def _name(self, arm: Arm) -> str:
        return f"{self._plan.service.name}-{arm.value}"

    def _read(self, arm: Arm) -> Manifest | None:
        return self._pen.cluster.get(SERVICE, self._plan.namespace, self._name(arm))

    def _write(self, arm: Arm, target: Manifest) -> None:
        claim = read_claim(self._pen.cluster, self._plan)

        def build(found: Manifest | None) -> Manifest:
            if found is not None:
                claim.check(SERVICE, found)
            own = {part: found["spec"][part] for part in _IDENTITY if part in found["spec"]} if found else {}
            wanted = claim.mark(copies.copy_of(target, self._name(arm)))
            return copies.refresh(found, {**wanted, "spec": {**_without_identity(target["spec"]), **own}})

        self._pen.put(SERVICE, self._name(arm), build)

    def _measure(self, arm: Arm) -> timedelta:
        now = self._clock.now()
        self._patience.setdefault(arm, Patience("", (0, 0), now))
        return now - self._patience[arm].since


def _revise(service: Manifest) -> str:
    canonical = json.dumps(_without_identity(service["spec"]), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def _without_identity(spec: Manifest) -> Manifest:
    headless = {"clusterIP": "None"} if spec.get("clusterIP") == "None" else {}
    kept = {part: content for part, content in spec.items() if part not in _IDENTITY}
    ports = [{field: value for field, value in port.items() if field != "nodePort"} for port in spec.get("ports") or []]
    return {**kept, **headless, **({"ports": ports} if ports else {})}
