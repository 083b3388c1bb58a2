"""Decide a tick of a single stage of a pipeline: one value for each stage, so that a record can name it.

The one rule to keep: whatever a stage passed, it passed for one revision; when the target asks for another, it ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from workflows.rollout import machine, promotion
from workflows.rollout.analysis import deliberate_gate, follow, look_for_obstacle
from workflows.rollout.decision import Decision, Deliberation, Pace, Shift, Tick
from workflows.rollout.ending import roll_back
from workflows.rollout.intervention import heed_in_stage
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import Strategy
from workflows.rollout.state import Cause, Event, Verdict
from workflows.rollout.step import deliberate_admission, deliberate_confirmation, hold_paused
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Route

READY = "canary is ready"
WEIGHT_SET = "weight is set"
WEIGHT_LOST = "the traffic went home; no weight is set"
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
    """Judge the canary at its weight, and ask whether it may have more, without moving it on.

    `at` is the weight it must have: a pipeline whose weights are written down cannot climb to it again.
    """

    at: int = 0

    def __call__(self, tick: Tick) -> Deliberation | Decision:
        """Decide whether the canary passes; the pace is SOON when its next stage may come."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        return _look_at_weight(heeded, self.at, "judged") or _judge(heeded, deliberate_admission)


@dataclass(frozen=True, slots=True)
class ConfirmPromotion:
    """Ask for the word to promote the canary at its weight, and judge it while the word is not given."""

    weight: int

    def __call__(self, tick: Tick) -> Deliberation | Decision:
        """Decide whether the canary may be promoted."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        obstacle = look_for_obstacle(heeded) or _look_at_weight(heeded, self.weight, "promoted")
        if obstacle:
            return obstacle
        waited = tick.state.phase is Phase.WAITING_PROMOTION or tick.state.paused
        # At first the gate before has judged: in a whole release who passes is asked about in the same tick.
        return _judge(heeded, deliberate_confirmation) if waited else deliberate_confirmation(heeded)


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Put one route in force.

    `since` is the weight at the beginning of the stage: traffic that fled in its course is climbed to again, from 0.
    """

    route: Route
    what: str
    since: int = 0

    def __call__(self, tick: Tick) -> Decision:
        """Decide to shift, unless something stands in the way."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        obstacle = look_for_obstacle(heeded) or _hold(heeded)
        if obstacle:
            return obstacle
        if heeded.state.weight < self.since:
            return Decision(heeded.state, reason=WEIGHT_LOST)
        state = machine.advance(heeded.state, self.route, heeded.world.now, iterations=_count_iterations(heeded))
        told = (Event(f"Advance {heeded.plan.key} {self.what}"),)
        return Decision(state, (Shift(self.route),), told, reason=WEIGHT_SET)


@dataclass(frozen=True, slots=True)
class CopyTemplate:
    """Give the primary the canary's template, and wait until it is ready; `weight` is what the canary must have."""

    weight: int = 0

    def __call__(self, tick: Tick) -> Decision:
        """Decide to promote, or to wait for the primary."""
        heeded = _heed(tick)
        if isinstance(heeded, Decision):
            return heeded
        if heeded.state.phase in ANALYSED:
            return (
                look_for_obstacle(heeded)
                or _look_at_weight(heeded, self.weight, "promoted")
                or _hold(heeded)
                or promotion.promote(heeded)
            )
        if heeded.world.primary.ready:
            return Decision(heeded.state, reason=PRIMARY_READY)
        return promotion.decide_promoting(heeded)


StageDecider = Start | Gate | ConfirmPromotion | SetRoute | CopyTemplate


def _look_at_weight(tick: Tick, wanted: int, what: str) -> Decision | None:
    """End a release whose canary has less traffic than was set, wherever it went."""
    if tick.state.phase not in ANALYSED or tick.state.weight >= wanted:
        return None
    reason = f"canary weight is {tick.state.weight} where {wanted} was to be {what}; start again"
    return roll_back(tick, Cause.ABORTED, reason)


def _judge(tick: Tick, step: Callable[[Tick], Deliberation]) -> Deliberation:
    gate = yield from deliberate_gate(tick)
    if gate.verdict is not Verdict.PASSED:
        return gate
    return follow(gate, (yield from step(replace(tick, state=gate.state))), gate.reason)


def _heed(tick: Tick) -> Tick | Decision:
    if not tick.state.under_way:
        # Another owner ended the release in the course of the stage.
        return Decision(tick.state, pace=Pace.DONE)
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
