"""Count traffic and answer queries from memory: for tests and dry runs."""

from collections.abc import Sequence
from types import MappingProxyType

from workflows.ports import Clock, TrafficRouter
from workflows.rollout.plan import Check, RolloutPlan
from workflows.rollout.samples import ArmCounts, Gap, Measurement, TrafficCounts, add
from workflows.rollout.traffic import Arm

BOUNDS_MS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, float("inf"))
"""The latency buckets of the memory counter, in ms."""


class MemoryCounter:
    """Count the requests it is told of."""

    def __init__(self) -> None:
        self._pods: dict[Arm, dict[str, ArmCounts]] = {arm: {} for arm in Arm}

    def record(
        self, arm: Arm, response_class: str, *, requests: int = 1, latency_ms: float = 1.0, pod: str = ""
    ) -> None:
        """Count requests of one response class ("2xx") that took as long as this each, of a pod where it is named."""
        latency = tuple((bound, requests if latency_ms <= bound else 0) for bound in BOUNDS_MS)
        pods = self._pods[arm]
        pods[pod] = add((pods.get(pod, ArmCounts()), ArmCounts(MappingProxyType({response_class: requests}), latency)))

    def reset(self) -> None:
        """Start from nothing, as counters do when their process restarts."""
        self._pods = {arm: {} for arm in Arm}

    def lose(self, arm: Arm, pod: str) -> ArmCounts:
        """Count a pod no more, as when it is gone or cannot be read; gives what it had counted."""
        return self._pods[arm].pop(pod)

    def find(self, arm: Arm, pod: str, counts: ArmCounts) -> None:
        """Count a pod again, from where it was."""
        self._pods[arm][pod] = counts

    def read(self) -> TrafficCounts:
        """Give both arms' counters since they began."""
        return TrafficCounts(primary=self._counts(Arm.PRIMARY), canary=self._counts(Arm.CANARY))

    def _counts(self, arm: Arm) -> ArmCounts:
        pods = self._pods[arm]
        return ArmCounts.of_parts(pods) if pods.keys() - {""} else pods.get("", ArmCounts())


class MemoryMetrics:
    """Answer each check with what was put down for its name; the last answer repeats."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Measurement]] = {}
        self.asked: list[str] = []

    def answer(self, name: str, measurements: Sequence[Measurement]) -> None:
        """Put down the answers to the check of one name, in order."""
        self._answers[name] = list(measurements)

    def measure(self, check: Check, plan: RolloutPlan) -> Measurement:
        """Give the next answer for the check's name; without any, the gap that an unknown series leaves."""
        self.asked.append(check.name)
        answers = self._answers.get(check.name, [])
        if not answers:
            return Measurement(gap=Gap.NO_DATA, detail=f"{plan.key}: nothing put down for {check.name}")
        return answers.pop(0) if len(answers) > 1 else answers[0]


class MemoryTraffic:
    """Count traffic that flows as the clock and the router say: a rehearsal of a healthy service."""

    def __init__(self, clock: Clock, router: TrafficRouter, *, requests_per_second: int = 100) -> None:
        self._clock = clock
        self._router = router
        self._rate = requests_per_second
        self._seen = clock.now()
        self._counter = MemoryCounter()

    def read(self) -> TrafficCounts:
        """Give both arms' counters, with what flowed since the last look under the split now in force."""
        now = self._clock.now()
        flowed = int((now - self._seen).total_seconds() * self._rate)
        self._seen = now
        route = self._router.read()
        to_canary = flowed if route.mirrored else flowed * route.canary_percent // 100
        self._counter.record(Arm.CANARY, "2xx", requests=to_canary, latency_ms=20.0)
        self._counter.record(Arm.PRIMARY, "2xx", requests=flowed - to_canary, latency_ms=20.0)
        return self._counter.read()
