"""Give a target back to plain Kubernetes: its own pods serve again, and what was made for the primary is deleted.

The rule to keep: nothing of the primary goes before the target is ready, and never for a version that was not promoted.
"""

from collections.abc import Iterator
from datetime import timedelta

from workflows.cluster.kinds import DAEMON_SET, DEPLOYMENT, KNATIVE_SERVICE, SERVICE, Kind, Manifest
from workflows.cluster.ownership import owner_of
from workflows.cluster.pen import Pen
from workflows.cluster.targets import kind_of, read_target
from workflows.errors import ConfigurationError, UnavailableError
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm
from workflows.workloads.kubernetes import autoscalers, knative, progress, replicas, templates
from workflows.workloads.kubernetes.arms import Arms, template_of
from workflows.workloads.kubernetes.configs import find_configs
from workflows.workloads.kubernetes.readiness import Lookout
from workflows.workloads.kubernetes.scaling import Scaling
from workflows.workloads.kubernetes.tracker import track

_PAUSE = timedelta(seconds=1)


def restore_target(pen: Pen, plan: RolloutPlan, clock: Clock) -> Iterator[str]:
    """Give the target the primary's number of pods and wait until they are ready; tells what was done.

    Raises ConfigurationError when the target is at a version that was not promoted, UnavailableError when its pods are
    not ready within the progress deadline.
    """
    arms = Arms(pen.cluster, plan)
    if arms.kind is KNATIVE_SERVICE:
        knative.refuse_unproved(read_target(pen.cluster, plan).manifest, plan)
    primary = arms.read(Arm.PRIMARY) if arms.kind in {DEPLOYMENT, DAEMON_SET} else None
    if primary is None:
        return
    _refuse_unproved(pen, plan, primary)
    if plan.autoscaler:
        Scaling(pen, plan.autoscaler, plan.target.name).pause(paused=False)
    size = progress.replicas_of(primary)
    pen.change(arms.kind, arms.name(Arm.CANARY), lambda found: _give_pods(arms.kind, found, size))
    _await_target(pen, plan, clock)
    pen.hand_back(arms.kind, arms.name(Arm.CANARY), _clean)
    yield f"{arms.kind.kind} {arms.name(Arm.CANARY)}: ready to serve alone"


def remove_primary(pen: Pen, plan: RolloutPlan) -> Iterator[str]:
    """Delete what was made for the primary, itself last; tells what was deleted."""
    kind = kind_of(plan)
    if kind is KNATIVE_SERVICE:
        return
    if kind is SERVICE:
        for arm in Arm:
            yield from _delete_ours(pen, plan, SERVICE, f"{plan.service.name}-{arm.value}")
        return
    if plan.autoscaler:
        yield from _delete_ours(pen, plan, autoscalers.kind_of(plan.autoscaler), f"{plan.autoscaler.name}-primary")
        pen.hand_back(autoscalers.kind_of(plan.autoscaler), plan.autoscaler.name, lambda found: found)
    arms = Arms(pen.cluster, plan)
    primary = arms.read(Arm.PRIMARY)
    for config in find_configs(template_of(primary)["spec"]) if primary else ():
        yield from _delete_ours(pen, plan, config.kind, config.name)
    yield from _delete_ours(pen, plan, kind, arms.name(Arm.PRIMARY))


def _refuse_unproved(pen: Pen, plan: RolloutPlan, primary: Manifest) -> None:
    template = template_of(read_target(pen.cluster, plan).manifest)
    current = templates.revise(template, track(pen.cluster, plan.namespace, template).digests)
    annotations = (template_of(primary).get("metadata") or {}).get("annotations") or {}
    promoted = annotations.get(templates.REVISION, current)
    if current != promoted:
        raise ConfigurationError(
            f"{plan.key}: {plan.target.kind} {plan.target.name} is at revision {current}, which was not promoted; "
            f"release it first, or apply what the primary runs ({promoted})"
        )


def _give_pods(kind: Kind, found: Manifest, size: int) -> Manifest:
    wanted = replicas.scale_up(kind, found, size)
    if kind is DEPLOYMENT:
        wanted["spec"]["replicas"] = max(size, progress.replicas_of(found))
    return wanted


def _await_target(pen: Pen, plan: RolloutPlan, clock: Clock) -> None:
    lookout, deadline = Lookout(pen.cluster, plan, clock), clock.now() + plan.progress_deadline
    while not (readiness := lookout.look(Arm.CANARY)).ready:
        if clock.now() >= deadline:
            raise UnavailableError(
                f"{plan.key}: {plan.target.kind} {plan.target.name} is not ready, so it was not given the traffic: "
                f"{readiness.reason}"
            )
        clock.sleep(_PAUSE)


def _clean(target: Manifest) -> Manifest:
    (target["metadata"].get("annotations") or {}).pop(templates.STARTED_WITH, None)
    return target


def _delete_ours(pen: Pen, plan: RolloutPlan, kind: Kind, name: str) -> Iterator[str]:
    found = pen.cluster.get(kind, plan.namespace, name)
    if found and owner_of(found) == plan.name:
        pen.delete(kind, name)
        yield f"{kind.kind} {name}: deleted"
