"""Run the two versions as Deployments or DaemonSets.

The rules to keep: every write goes through the pen and is absolute; what a user may delete in mid-release shows as an
arm that is not ready or as another revision, so that the traffic can still be sent home.
"""

from workflows.cluster.kinds import Manifest
from workflows.cluster.ownership import Claim, read_claim
from workflows.cluster.pen import Pen
from workflows.cluster.targets import Target, read_target
from workflows.errors import ConfigurationError, TemporaryError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm, Readiness
from workflows.workloads.kubernetes import progress, replicas, templates
from workflows.workloads.kubernetes.arms import Arms, template_of
from workflows.workloads.kubernetes.readiness import Lookout
from workflows.workloads.kubernetes.scaling import Scaling
from workflows.workloads.kubernetes.tracker import Tracked, track, write_copies

_GONE = "gone"


class KubernetesWorkload:
    """Run the target's pods as the canary's, and those of a copy of it as the primary's."""

    def __init__(self, pen: Pen, plan: RolloutPlan, clock: Clock) -> None:
        self._pen = pen
        self._plan = plan
        self._arms = Arms(pen.cluster, plan)
        self._lookout = Lookout(pen.cluster, plan, clock)
        self._scaling = Scaling(pen, plan.autoscaler, plan.target.name) if plan.autoscaler else None

    def initialise(self) -> None:
        """Make the primary from the target if there is none, as a copy with its own configs and autoscaler.

        The target keeps its pods: they go once the traffic has gone.
        """
        target = read_target(self._pen.cluster, self._plan)
        claim = read_claim(self._pen.cluster, self._plan)
        if self._scaling:
            self._scaling.read_source()
        found = self._arms.read(Arm.PRIMARY)
        if found:
            claim.check(self._arms.kind, found)
        else:
            self._write_primary(target, claim, self._track(target))
        if self._scaling:
            self._scaling.pair(claim)

    def revision(self) -> str:
        """Identify the target's pod template and its configs; a target that was deleted is another revision."""
        found = self._arms.read(Arm.CANARY)
        if found:
            template = template_of(found)
            return templates.revise(template, track(self._pen.cluster, self._plan.namespace, template).digests)
        if self._arms.read(Arm.PRIMARY) is None:
            raise ConfigurationError(f"{self._arms.where(Arm.CANARY)}: not found; apply it, or correct spec.targetRef")
        return _GONE

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm can serve, how many of its pods could answer now, and what is the matter if not."""
        return self._lookout.look(arm)

    def capacity(self) -> int:
        """Tell how many percent of the traffic the primary can carry now."""
        return self._lookout.capacity()

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Give an arm pods or none; the primary is held at its size for as long as the canary is up."""
        if not up:
            self._scale_down(arm)
        elif arm is Arm.CANARY:
            self._scale_canary_up()
        else:
            size, kind = self._size_of(Arm.CANARY), self._arms.kind
            self._pen.change(kind, self._arms.name(arm), lambda found: replicas.scale_up(kind, found, size))

    def promote(self, revision: str) -> None:
        """Copy the target's template and its configs to the primary; refuse when the target has another revision."""
        target = read_target(self._pen.cluster, self._plan)
        tracked = self._track(target)
        current = templates.revise(template_of(target.manifest), tracked.digests)
        if current != revision:
            where = self._arms.where(Arm.CANARY)
            raise TemporaryError(f"{where}: at revision {current}, not {revision}; a newer release has begun")
        claim = read_claim(self._pen.cluster, self._plan)
        self._write_primary(target, claim, tracked)
        if self._scaling:
            self._scaling.pair(claim)

    def _write_primary(self, target: Target, claim: Claim, tracked: Tracked) -> None:
        # The copies come first: the pods of the primary cannot start without them.
        write_copies(self._pen, claim, tracked)
        revision = templates.revise(template_of(target.manifest), tracked.digests)
        wanted = claim.mark(templates.build_primary(target, tracked.found, revision))
        keep = self._scaling is not None or progress.read_progress(target.kind, target.manifest).idle

        def build(found: Manifest | None) -> Manifest:
            if found is not None:
                claim.check(target.kind, found)
            return templates.promote_onto(found, wanted, keep_replicas=keep)

        self._pen.put(target.kind, target.primary_name, build)

    def _scale_canary_up(self) -> None:
        size, kind = self._size_of(Arm.PRIMARY), self._arms.kind
        if self._scaling:
            self._scaling.pair(read_claim(self._pen.cluster, self._plan))
            self._scaling.hold(size)
            self._scaling.pause(paused=False)
            size = self._scaling.fewest()

        def build(found: Manifest) -> Manifest:
            tracked = track(self._pen.cluster, self._plan.namespace, template_of(found))
            scaled = replicas.scale_up(kind, found, size)
            return replicas.restart_with(found, scaled, templates.summarise(tracked.digests))

        self._pen.change(kind, self._arms.name(Arm.CANARY), build)

    def _scale_down(self, arm: Arm) -> None:
        kind = self._arms.kind
        if self._scaling and arm is Arm.CANARY:
            self._scaling.pause(paused=True)
        if self._arms.read(arm):
            self._pen.change(kind, self._arms.name(arm), lambda found: replicas.scale_down(kind, found))
        if self._scaling and arm is Arm.CANARY:
            self._scaling.let_go()

    def _track(self, target: Target) -> Tracked:
        tracked = track(self._pen.cluster, self._plan.namespace, template_of(target.manifest))
        if tracked.missing:
            raise TemporaryError(f"{self._arms.where(Arm.CANARY)}: {tracked.lack}")
        return tracked

    def _size_of(self, arm: Arm) -> int:
        found = self._arms.read(arm)
        return progress.replicas_of(found) if found else 1
