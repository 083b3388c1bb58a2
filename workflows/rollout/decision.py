"""Carry what a tick asks for and what it decides; deliberations are generators that yield one and return the other.

A deliberation asks lazily, in the order that matters (a failed hook stops the questions after it), and stays pure:
given the same answers it decides the same.
"""

import enum
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from webhooks.protocol import HookType
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import CheckResult, Event, HookRound, RolloutState, Verdict, World
from workflows.rollout.traffic import Arm, Route


@dataclass(frozen=True, slots=True)
class CallHooks:
    """Ask what the hooks of one type say; `revision` is the one they are asked about."""

    type: HookType
    revision: str


@dataclass(frozen=True, slots=True)
class JudgeMetrics:
    """Ask what the metric checks say of the window since the state's last reading of the counters."""


@dataclass(frozen=True, slots=True)
class CountTraffic:
    """Ask what was counted of user traffic in the window since the state's last reading of the counters."""


@dataclass(frozen=True, slots=True)
class TopUp:
    """Ask for requests of our own to both arms alike, so many to each within so many seconds, and for their counts.

    `bounds_ms` are the latency bounds by which they are wanted.
    """

    requests: int
    within_s: float
    bounds_ms: tuple[float, ...] = ()


Question = CallHooks | JudgeMetrics | CountTraffic | TopUp
Answer = HookRound | tuple[CheckResult, ...] | TrafficCounts


@dataclass(frozen=True, slots=True)
class Initialise:
    """Make the primary from the target if there is none."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Put a split in force."""

    route: Route


@dataclass(frozen=True, slots=True)
class Scale:
    """Give an arm its replicas, or none."""

    arm: Arm
    up: bool


@dataclass(frozen=True, slots=True)
class Promote:
    """Copy the target's template, at this revision, to the primary."""

    revision: str


Action = Initialise | Shift | Scale | Promote


class Pace(enum.Enum):
    """Say when the next tick is due."""

    SOON = "soon"
    INTERVAL = "interval"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Decision:
    """Carry what a tick came to: the state after it, what must be done first, and what people are told.

    `verdict` is None when the tick judged nothing. `ended` says that post-rollout hooks are due.
    """

    state: RolloutState
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    pace: Pace = Pace.INTERVAL
    verdict: Verdict | None = None
    checks: tuple[CheckResult, ...] = ()
    reason: str = ""
    ended: bool = False


T = TypeVar("T")
Generated = Generator[Question, Answer, T]
"""Come to a value by asking questions."""

Deliberation = Generated[Decision]


@dataclass(frozen=True, slots=True)
class Tick:
    """Hold what one tick starts from."""

    plan: RolloutPlan
    state: RolloutState
    world: World


def ask_hooks(tick: Tick, hook_type: HookType) -> Generated[HookRound]:
    """Ask the hooks of one type, or pass at once where the plan has none."""
    if not tick.plan.analysis.hooks_of(hook_type):
        return HookRound(passed=True)
    answer = yield CallHooks(hook_type, tick.world.revision)
    if not isinstance(answer, HookRound):
        raise TypeError(f"hooks were asked, {type(answer).__name__} was answered")
    return answer


def ask_metrics(tick: Tick) -> Generated[tuple[CheckResult, ...]]:
    """Ask for the verdicts of the metric checks, or none where the plan has none."""
    if not tick.plan.analysis.checks:
        return ()
    answer = yield JudgeMetrics()
    if not isinstance(answer, tuple):
        raise TypeError(f"metrics were asked, {type(answer).__name__} was answered")
    return answer


def ask_counts() -> Generated[TrafficCounts]:
    """Ask for what was counted of both arms in the window; nothing at all where the counters cannot be read."""
    answer = yield CountTraffic()
    if not isinstance(answer, TrafficCounts):
        raise TypeError(f"counts were asked, {type(answer).__name__} was answered")
    return answer


def ask_top_up(wanted: TopUp | None) -> Generated[TrafficCounts]:
    """Ask for requests of our own and what became of them; nothing where none are wanted or none can be sent."""
    if wanted is None:
        return TrafficCounts()
    answer = yield wanted
    if not isinstance(answer, TrafficCounts):
        raise TypeError(f"a top-up was asked, {type(answer).__name__} was answered")
    return answer
