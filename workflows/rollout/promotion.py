"""Decide the way from a proved canary to a primary that runs the same: copy, wait, route home, scale down."""

from workflows.rollout import machine
from workflows.rollout.decision import Action, Decision, Pace, Promote, Scale, Shift, Tick
from workflows.rollout.ending import await_primary, flee
from workflows.rollout.plan import Severity
from workflows.rollout.state import Event
from workflows.rollout.traffic import Arm, Route


def promote(tick: Tick, *, before: tuple[Event, ...] = ()) -> Decision:
    """Give the primary the canary's template."""
    target = f"{tick.plan.target.name}.{tick.plan.namespace}"
    primary = f"{tick.plan.target.name}-primary.{tick.plan.namespace}"
    copying = Event(f"Copying {target} template spec to {primary}")
    state = machine.promote(tick.state, tick.world.now)
    return Decision(state, (Promote(tick.state.revision),), (*before, copying), Pace.SOON)


def decide_promoting(tick: Tick) -> Decision:
    """Move the traffic back once the promoted primary is ready, at once or in steps."""
    if tick.world.revision != tick.state.revision and tick.world.route.canary_percent and tick.world.primary.serving:
        return _leave_stranger(tick)
    if not tick.world.primary.ready:
        return await_primary(tick)
    fled = flee(tick)
    if fled:
        return fled
    route = _next_route(tick)
    state = machine.shift_back(tick.state, route, tick.world.now)
    stepwise = tick.plan.analysis.promotion_step > 0
    return Decision(state, (Shift(route),), (_describe_shift(tick, route, stepwise=stepwise),))


def _leave_stranger(tick: Tick) -> Decision:
    """Take the traffic off a canary that runs what came in since it was proved."""
    event = Event(f"New revision of {tick.plan.key} while promoting, routing all traffic to the primary", warning=True)
    state = machine.evacuate(tick.state, Route(), tick.world.now)
    return Decision(state, (Shift(Route()),), (event,), Pace.SOON, reason=event.message)


def _next_route(tick: Tick) -> Route:
    step, asked = tick.plan.analysis.promotion_step, tick.state.route
    if not step or asked.matched:
        return Route()
    # Whoever took traffic off the canary meanwhile had a reason; it never gets any back.
    left = max(0, min(asked.canary_percent, tick.world.route.canary_percent) - step)
    return Route(left, sticky=left > 0 and asked.sticky)


def _describe_shift(tick: Tick, route: Route, *, stepwise: bool) -> Event:
    if stepwise:
        return Event(f"Advance {tick.plan.key} primary weight {route.primary_percent}")
    return Event("Routing all traffic to primary")


def decide_finalising(tick: Tick) -> Decision:
    """Scale the canary to zero, now that no traffic is left on it."""
    if not tick.world.primary.ready:
        return await_primary(tick)
    plan, target = tick.plan, f"{tick.plan.target.name}.{tick.plan.namespace}"
    # An earlier tick may have fled to the canary; the primary must have all traffic before the canary goes.
    home: tuple[Action, ...] = (Shift(Route()),) if tick.world.route != Route() else ()
    if plan.skip_analysis:
        events = (
            Event(f"Promotion completed! Canary analysis was skipped for {target}"),
            Event("Canary analysis was skipped, promotion finished.", alert=Severity.INFO),
        )
    else:
        events = (
            Event(f"Promotion completed! Scaling down {target}"),
            Event("Canary analysis completed successfully, promotion finished.", alert=Severity.INFO),
        )
    state = machine.finish(tick.state, tick.world.now)
    return Decision(state, (*home, Scale(Arm.CANARY, up=False)), events, Pace.DONE, ended=True)
