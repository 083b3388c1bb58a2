"""Name and read the objects of the two arms: the target is the canary, its copy beside it is the primary."""

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Kind, Manifest
from workflows.cluster.targets import kind_of
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm


class Arms:
    """Read the arms of one plan."""

    def __init__(self, cluster: Cluster, plan: RolloutPlan) -> None:
        self._cluster = cluster
        self._namespace = plan.namespace
        self._target = plan.target.name
        self.kind: Kind = kind_of(plan)

    def name(self, arm: Arm) -> str:
        """Name an arm's object."""
        return self._target if arm is Arm.CANARY else f"{self._target}-primary"

    def where(self, arm: Arm) -> str:
        """Name an arm's object as messages do."""
        return f"{self.kind.kind} {self.name(arm)} in {self._namespace}"

    def read(self, arm: Arm) -> Manifest | None:
        """Read an arm's object, None when there is none."""
        return self._cluster.get(self.kind, self._namespace, self.name(arm))


def template_of(manifest: Manifest) -> Manifest:
    """Give the pod template of a workload."""
    template: Manifest = manifest["spec"]["template"]
    return template
