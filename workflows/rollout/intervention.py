"""Heed what people order, once, and hold what they paused.

The rule to keep: an order changes what happens next, never what is judged. A paused canary is still watched, and is
rolled back when it fails or when nobody resumes it before the approval deadline.
"""

from dataclasses import replace

from webhooks.protocol import HookType
from workflows.rollout import machine
from workflows.rollout.analysis import look_for_obstacle
from workflows.rollout.decision import Decision, Tick
from workflows.rollout.ending import roll_back
from workflows.rollout.order import FITTING, Command, Order
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.promotion import promote
from workflows.rollout.state import Cause

_CONFIRMATIONS = frozenset(
    {HookType.CONFIRM_ROLLOUT, HookType.CONFIRM_TRAFFIC_INCREASE, HookType.CONFIRM_PROMOTION},
)


def heed(tick: Tick) -> Tick | Decision:
    """Heed a new order: give the tick that goes on from it, or the decision that it comes to."""
    order = tick.world.order
    if order is None or order.id == tick.state.heeded:
        return tick
    heeded = replace(tick, state=machine.heed(tick.state, order.id))
    return _obey(heeded, order) if tick.state.phase in FITTING[order.command] else heeded


def heed_in_stage(tick: Tick) -> Tick | Decision:
    """Heed a new order where a pipeline decides the steps: there, to promote is to resume."""
    order = tick.world.order
    if order and order.command in {Command.PROMOTE, Command.PROMOTE_FULL}:
        tick = replace(tick, world=replace(tick.world, order=replace(order, command=Command.RESUME)))
    return heed(tick)


def _obey(tick: Tick, order: Order) -> Tick | Decision:  # noqa: PLR0911 - one return for each command
    state = tick.state
    match order.command:
        case Command.PAUSE:
            return replace(tick, state=machine.pause(state, f"paused by {order.by}"))
        case Command.RESUME:
            return replace(tick, state=machine.resume(state))
        case Command.ABORT:
            return roll_back(tick, Cause.ABORTED, f"aborted by {order.by}")
        case Command.RETRY:
            return replace(tick, state=machine.forgive(state))
        case Command.PROMOTE:
            # Said of the revision under way: another one that has come in since must be confirmed by itself.
            meant = tick.world.revision == state.revision
            plan = _without_confirmations(tick.plan) if meant else tick.plan
            return replace(tick, state=machine.resume(state), plan=plan)
        case Command.PROMOTE_FULL:  # pragma: no branch - mypy proves it is the last
            resumed = replace(tick, state=machine.resume(state))
            return look_for_obstacle(resumed) or promote(resumed)


def _without_confirmations(plan: RolloutPlan) -> RolloutPlan:
    asked = tuple(hook for hook in plan.analysis.hooks if hook.type not in _CONFIRMATIONS)
    return replace(plan, analysis=replace(plan.analysis, hooks=asked))
