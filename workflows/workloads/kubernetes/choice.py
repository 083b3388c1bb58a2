"""Choose how the two versions of a plan run, by the kind of its target."""

from workflows.cluster.kinds import KNATIVE_SERVICE, SERVICE
from workflows.cluster.pen import Pen
from workflows.cluster.targets import kind_of
from workflows.ports import Clock
from workflows.rollout.plan import RolloutPlan
from workflows.workloads.kubernetes.knative import KnativeWorkload
from workflows.workloads.kubernetes.services import ServiceWorkload
from workflows.workloads.kubernetes.workload import KubernetesWorkload


def build_workload(pen: Pen, plan: RolloutPlan, clock: Clock) -> KubernetesWorkload | KnativeWorkload | ServiceWorkload:
    """Give the workload of a plan; raises ConfigurationError for a target that cannot be released."""
    kind = kind_of(plan)
    if kind is KNATIVE_SERVICE:
        return KnativeWorkload(pen, plan, clock)
    return ServiceWorkload(pen, plan, clock) if kind is SERVICE else KubernetesWorkload(pen, plan, clock)
