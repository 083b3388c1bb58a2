"""Decide a tick of a single stage of a pipeline: one value for each stage, so that a record can name it.

The one rule to keep: whatever a stage passed, it passed for one revision; when the target asks for another, it ends.
"""

from dataclasses import dataclass

from workflows.rollout import machine, promotion
from workflows.rollout.analysis import deliberate_gate, look_for_obstacle
from workflows.rollout.decision import Decision, Deliberation, Shift, Tick
from workflows.rollout.ending import roll_back
from workflows.rollout.intervention import heed_in_stage
from workflows.rollout.phase import ANALYSED
from workflows.rollout.plan import Strategy
from workflows.rollout.state import Cause, Event
from workflows.rollout.step import hold_paused
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Route

READY = "canary is ready"
WEIGHT_SET = "weight is set"
PRIMARY_READY = "primary is ready"


@dataclass(frozen=True, slots=True)
class Start:
    """Begin the analysis of a new revision, and wait until its canary is ready."""

    def __call__(self, tick: Tick) -> Deliberation | Decision:
        """Decide as a whole release does until the analysis begins."""
        if tick.state.phase not in ANALYSED:
            return deliberate(tick)
        return look_for_obstacle(tick) or Decision(tick.state, reason=READY)


@dataclass(frozen=True, slots=True)
class Gate:
    """Judge the canary at its weight without moving it on."""

    def __call__(self, tick: Tick) -> Deliberation | Decision:
        """Decide whether the canary passes."""
        heeded = _heed(tick)
        return heeded if isinstance(heeded, Decision) else deliberate_gate(heeded)


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Put one route in force."""

    route: Route
    what: str

    def __call__(self, tick: Tick) -> Decision:
        """Decide to shift, unless something stands in the way."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        obstacle = look_for_obstacle(heeded) or _hold(heeded)
        if obstacle:
            return obstacle
        state = machine.advance(heeded.state, self.route, heeded.world.now, iterations=_count_iterations(heeded))
        told = (Event(f"Advance {heeded.plan.key} {self.what}"),)
        return Decision(state, (Shift(self.route),), told, reason=WEIGHT_SET)


@dataclass(frozen=True, slots=True)
class CopyTemplate:
    """Give the primary the canary's template, and wait until it is ready."""

    def __call__(self, tick: Tick) -> Decision:
        """Decide to promote, or to wait for the primary."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        if heeded.state.phase in ANALYSED:
            return look_for_obstacle(heeded) or _hold(heeded) or promotion.promote(heeded)
        if heeded.world.primary.ready:
            return Decision(heeded.state, reason=PRIMARY_READY)
        return promotion.decide_promoting(heeded)


StageDecider = Start | Gate | SetRoute | CopyTemplate


def _heed(tick: Tick) -> Tick | Decision:
    heeded = heed_in_stage(tick)
    if isinstance(heeded, Decision):
        return heeded
    revision = heeded.world.revision
    if heeded.state.phase in ANALYSED and revision != heeded.state.revision:
        return roll_back(heeded, Cause.ABORTED, f"revision {revision} came in; start again with it")
    return heeded


def _count_iterations(tick: Tick) -> int:
    """Count the first iteration, which begins as its route is set: what is judged from then on is the canary."""
    return max(tick.state.iterations, int(tick.plan.strategy is not Strategy.CANARY))


def _hold(tick: Tick) -> Decision | None:
    return hold_paused(tick) if tick.state.paused else None
