"""Perform releases on drawn traffic: the product's own machine, judge and stages, a clock that takes no time.

What is drawn is what users do; hooks say yes at once, custom queries are in order, and a pod is ready when it is
wanted. So a forecast tells what the metrics decide, and nothing about tests, approvals and slow starts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Generic, TypeVar

from workflows import stages, wiring
from workflows.canary.override import with_judge
from workflows.errors import ConfigurationError
from workflows.foresight.traffic import Traffic, draw_window
from workflows.notifiers.memory import MemoryEvents
from workflows.ports import Clock, TrafficCounter, TrafficRouter
from workflows.records import TickRecord
from workflows.release import Release
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.samples import ArmCounts, TrafficCounts, add
from workflows.rollout.state import Outcome
from workflows.rollout.traffic import Arm
from workflows.wiring import Wishes

_LONGEST_WINDOW_S = 600.0


class DrawnCounter:
    """Count requests that are drawn as time passes, split as the router says."""

    def __init__(self, clock: Clock, router: TrafficRouter, traffic: Traffic, random: Random) -> None:
        self._clock, self._router = clock, router
        self._traffic, self._random = traffic, random
        self._seen = clock.now()
        self._first_share: datetime | None = None
        self.counts = TrafficCounts()

    def read(self) -> TrafficCounts:
        """Give both arms' counters, with what flowed since the last look under the split now in force."""
        now, weight = self._clock.now(), self._router.read().canary_percent
        if weight and self._first_share is None:
            self._first_share = self._seen
        since = (self._seen - self._first_share).total_seconds() if self._first_share else 0.0
        # A wait of hours for want of data needs no exact count of what flowed meanwhile.
        seconds = min((now - self._seen).total_seconds(), _LONGEST_WINDOW_S)
        self._seen = now
        if seconds > 0:
            window = draw_window(self._random, self._traffic, weight, since, seconds=seconds)
            self.counts = TrafficCounts(
                _add_pods(self.counts.primary, window.primary), add((self.counts.canary, window.canary))
            )
        return self.counts


def _add_pods(before: ArmCounts, window: ArmCounts) -> ArmCounts:
    pods = {pod: add((before.parts.get(pod, ArmCounts()), more)) for pod, more in window.parts.items()}
    return ArmCounts.of_parts(pods)


@dataclass(frozen=True, slots=True)
class Trial:
    """Ask for one release: by which plan and judge, of which traffic, from which seed."""

    plan: RolloutPlan
    judge: str
    traffic: Traffic
    seed: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Carry how a trial ended: its outcome, after how many seconds, and how many requests met the canary and failed."""

    outcome: Outcome
    seconds: float
    requests: int
    failed: int


Counter = TypeVar("Counter", bound=TrafficCounter)


@dataclass(frozen=True, slots=True)
class Performance(Generic[Counter]):
    """Carry how a release on paper went, with the counter that it saw."""

    outcome: Outcome
    reason: str
    seconds: float
    counter: Counter


def perform(plan: RolloutPlan, open_counter: Callable[[Clock, TrafficRouter], Counter]) -> Performance[Counter]:
    """Perform one release of a second version on the memory platform, its traffic counted by what is opened."""
    platform = wiring.build("memory", plan, Wishes(events=MemoryEvents()))
    counter = open_counter(platform.clock, platform.router)
    began = platform.clock.now()
    ticks: list[TickRecord] = []
    release = Release(replace(platform, counter=counter), plan, "simulation")
    state = stages.drive(release, stages.rests, ticks.append)
    if state.cause is None:  # pragma: no cover - a plan that may rest without a cause is refused by `check`
        raise ConfigurationError(f"{plan.key}: its release never ends")
    return Performance(state.cause.outcome, state.reason, (ticks[-1].at - began).total_seconds(), counter)


def simulate(trial: Trial) -> Ending:
    """Perform one release on drawn traffic; the same trial always ends alike."""
    random = Random(trial.seed)  # noqa: S311 - drawn traffic is no secret
    plan = with_judge(trial.plan, trial.judge)
    performed = perform(plan, lambda clock, router: DrawnCounter(clock, router, trial.traffic, random))
    met = performed.counter.counts.of(Arm.CANARY)
    return Ending(performed.outcome, performed.seconds, met.total, met.errors)


def check(plan: RolloutPlan) -> None:
    """Raise ConfigurationError for a plan whose share of traffic cannot be known."""
    if plan.suspend or plan.skip_analysis:
        raise ConfigurationError(f"{plan.key}: spec.suspend and spec.skipAnalysis leave nothing to simulate")
    if plan.strategy is not Strategy.CANARY or plan.analysis.mirror_percent:
        raise ConfigurationError(
            f"{plan.key}: only weight steps can be simulated; what share of the traffic a match picks, or what a "
            "mirrored request costs, no file says"
        )
