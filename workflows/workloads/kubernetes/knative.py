"""Run the two versions as revisions of one Knative service: the newest is the canary, an annotation names the primary.

Knative makes the pods, keeps old revisions and scales each by its traffic; here revisions are only looked at and named.
"""

from dataclasses import dataclass
from datetime import timedelta

from workflows.cluster.kinds import KNATIVE_REVISION, KNATIVE_SERVICE, Manifest
from workflows.cluster.pen import Pen
from workflows.cluster.targets import PRIMARY_REVISION, read_target
from workflows.errors import ConfigurationError, TemporaryError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import ALL, Arm, Readiness
from workflows.workloads.kubernetes import templates
from workflows.workloads.kubernetes.arms import template_of
from workflows.workloads.kubernetes.progress import Patience

_PROVIDER = "knative"


@dataclass(frozen=True, slots=True)
class _Revision:
    """Name one of Knative's revisions; `lack` says why there is none to speak of."""

    name: str = ""
    lack: str = ""


class KnativeWorkload:
    """Name the revisions that serve."""

    def __init__(self, pen: Pen, plan: RolloutPlan, clock: Clock) -> None:
        if plan.provider != _PROVIDER:
            raise ConfigurationError(
                f"{plan.key}: spec.provider: a Knative service is split by provider {_PROVIDER} alone"
            )
        self._pen = pen
        self._plan = plan
        self._clock = clock
        self._patience: dict[Arm, Patience] = {}

    def initialise(self) -> None:
        """Make the newest revision the primary if none is named yet."""
        if not _primary_of(self._read()):
            self._name_primary(self._settled())

    def revision(self) -> str:
        """Identify the service's template."""
        return templates.revise(template_of(self._read()), {})

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm's revision is ready; one without pods has them at its first request."""
        service = self._read()
        revision = _Revision(_primary_of(service)) if arm is Arm.PRIMARY else _newest_of(service)
        lack = revision.lack or ("" if revision.name else "no revision is the primary yet")
        found = None if lack else self._pen.cluster.get(KNATIVE_REVISION, self._plan.namespace, revision.name)
        ready, reason = (False, lack) if lack else _judge(revision.name, found)
        if ready:
            self._patience.pop(arm, None)
            return Readiness(ready=True, endpoints=_pods_of(found))
        return Readiness(ready=False, endpoints=0, reason=reason, unready_for=self._measure(arm, revision.name))

    def capacity(self) -> int:
        """Tell how many percent of the traffic the primary can carry: all, since Knative scales it by its traffic."""
        return ALL

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Leave the pods to Knative, which scales each revision by its traffic."""

    def promote(self, revision: str) -> None:
        """Make the newest revision the primary; refuse when the service's template is another one."""
        current = self.revision()
        if current != revision:
            raise TemporaryError(f"{self._where()}: at revision {current}, not {revision}; a newer release has begun")
        self._name_primary(self._settled())

    def _name_primary(self, name: str) -> None:
        def build(found: Manifest) -> Manifest:
            annotations = {**(found["metadata"].get("annotations") or {}), PRIMARY_REVISION: name}
            return {**found, "metadata": {**found["metadata"], "annotations": annotations}}

        self._pen.change(KNATIVE_SERVICE, self._plan.target.name, build)

    def _settled(self) -> str:
        newest = _newest_of(self._read())
        if newest.lack:
            raise TemporaryError(f"{self._where()}: {newest.lack}")
        return newest.name

    def _read(self) -> Manifest:
        return read_target(self._pen.cluster, self._plan).manifest

    def _where(self) -> str:
        return f"Service {self._plan.target.name} of Knative in {self._plan.namespace}"

    def _measure(self, arm: Arm, attempt: str) -> timedelta:
        now, known = self._clock.now(), self._patience.get(arm)
        begun = Patience(attempt, (0, 0), now)
        self._patience[arm] = known.renew(begun) if known else begun
        return now - self._patience[arm].since


def refuse_unproved(service: Manifest, plan: RolloutPlan) -> None:
    """Raise ConfigurationError when the newest revision is not the one that was promoted."""
    primary, newest = _primary_of(service), _newest_of(service)
    if primary and newest.name != primary:
        raise ConfigurationError(
            f"{plan.key}: Service {plan.target.name} of Knative: its newest revision was not promoted; "
            f"release it first, or apply what the primary runs ({primary})"
        )


def _primary_of(service: Manifest) -> str:
    return str((service["metadata"].get("annotations") or {}).get(PRIMARY_REVISION, ""))


def _newest_of(service: Manifest) -> _Revision:
    status = service.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(service["metadata"].get("generation") or 0):
        return _Revision(lack="Knative has not seen the newest spec yet; is its controller running?")
    name = status.get("latestCreatedRevisionName")
    return _Revision(name) if name else _Revision(lack="Knative has made no revision yet")


def _judge(name: str, revision: Manifest | None) -> tuple[bool, str]:
    if revision is None:
        return False, f"Revision {name}: not found"
    conditions = {condition["type"]: condition for condition in (revision.get("status") or {}).get("conditions") or []}
    ready = conditions.get("Ready") or {}
    if ready.get("status") == "True":
        return True, ""
    said = ": ".join(str(ready[part]) for part in ("reason", "message") if ready.get(part))
    return False, f"Revision {name} is not ready" + (f": {said}" if said else "")


def _pods_of(revision: Manifest | None) -> int:
    running = ((revision or {}).get("status") or {}).get("actualReplicas") or 0
    # A revision without pods answers too: Knative holds the request until there is one.
    return max(1, int(running))
