"""Take a canary back to what it was before us: the target alone serves, as plain Kubernetes has it."""

from collections.abc import Iterator

from workflows.cluster.pen import Pen
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes.restoration import restore
from workflows.workloads.kubernetes.reversion import remove_primary, restore_target


def revert(pen: Pen, plan: RolloutPlan, clock: Clock) -> Iterator[str]:
    """Scale the target up, lead the traffic to it and delete what was made for the canary; tells each thing done.

    What was done stays done: called again, it does what is left. Raises ConfigurationError for a target at a version
    that was not promoted, UnavailableError when its pods do not become ready; the traffic stays where it is then.
    """
    yield from restore_target(pen, plan, clock)
    yield from restore(pen, plan)
    yield from remove_primary(pen, plan)
