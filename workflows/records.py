"""Carry what one tick of a release was: what was seen, asked and answered, and what was decided from it.

The one rule to keep: a record holds all that its decision was made from, so that it can be made again from it alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from workflows.ports import Lease
from workflows.rollout.decision import Answer, Decision, Deliberation, Question, Tick
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import Measurement, TrafficCounts
from workflows.rollout.state import RolloutState, World

Decider = Callable[[Tick], Deliberation | Decision]
"""Decide a tick."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Hold one question of a deliberation and its answer."""

    question: Question
    answer: Answer


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hold what the platform told during a tick, the questions in the order in which they were asked.

    `reading` is what the traffic counters showed, `window` what was added since the state's last reading;
    `measurements` are the answers to queries, by the name of their check. All are empty when nothing asked for them.
    """

    exchanges: tuple[Exchange, ...] = ()
    reading: TrafficCounts | None = None
    window: TrafficCounts = field(default_factory=TrafficCounts)
    measurements: Mapping[str, Measurement] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class TickRecord:
    """Record one tick: where it started, who decided it by which plan, and what was seen and decided."""

    at: datetime
    before: RolloutState
    world: World
    decision: Decision
    plan: RolloutPlan
    decide: Decider
    lease: Lease
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def window(self) -> TrafficCounts:
        """Give what was counted of user traffic in the window that this tick judged."""
        return self.evidence.window


def keep_nothing(_: TickRecord) -> None:
    """Keep no record."""


def keep_all(*keeps: Callable[[TickRecord], None]) -> Callable[[TickRecord], None]:
    """Keep each record in several places, in their order."""

    def keep(record: TickRecord) -> None:
        for each in keeps:
            each(record)

    return keep
