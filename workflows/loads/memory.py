"""Answer a top-up from memory: for tests and rehearsals."""

from types import MappingProxyType

from workflows.rollout.decision import TopUp
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.traffic import Arm


class MemoryLoad:
    """Answer every request at once, failed and slow as it is told."""

    def __init__(self) -> None:
        self.errors_percent = dict.fromkeys(Arm, 0)
        self.latency_ms = dict.fromkeys(Arm, 20.0)
        self.sent: list[TopUp] = []

    def send(self, wanted: TopUp, plan: RolloutPlan) -> TrafficCounts:
        """Give what both arms answered."""
        _ = plan
        self.sent.append(wanted)
        return TrafficCounts(self._answer(Arm.PRIMARY, wanted), self._answer(Arm.CANARY, wanted))

    def _answer(self, arm: Arm, wanted: TopUp) -> ArmCounts:
        failed = wanted.requests * self.errors_percent[arm] // 100
        bounds = (*wanted.bounds_ms, float("inf"))
        latency = tuple((bound, wanted.requests if self.latency_ms[arm] <= bound else 0) for bound in bounds)
        responses = MappingProxyType({"2xx": wanted.requests - failed, "5xx": failed})
        return ArmCounts(responses, latency if wanted.bounds_ms else ())
