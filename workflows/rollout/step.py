"""Decide the next step of a canary that passed its checks: more traffic, another iteration, or promotion."""

from collections.abc import Sequence

from webhooks.protocol import HookType
from workflows.rollout import ladder, machine, trial
from workflows.rollout.decision import Decision, Deliberation, Generated, Pace, Shift, Tick, ask_hooks
from workflows.rollout.ending import overdue, roll_back
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan, Severity, Strategy
from workflows.rollout.promotion import promote
from workflows.rollout.start import announce_wait
from workflows.rollout.state import Cause, Event, HookRound, RolloutState
from workflows.rollout.traffic import ALL, Route

NO_MESH = "kubernetes"
"""The provider that splits no traffic: a service selects one arm or the other."""

CONFIRMED = "promotion is confirmed"


def next_weight(weights: Sequence[int], weight: int) -> int | None:
    """Give the lowest step above a weight, None at the end (Flagger: 100 for a weight that is not a step)."""
    return next((step for step in weights if step > weight), None)


def deliberate_step(tick: Tick) -> Deliberation:
    """Take the next step of the plan's strategy, unless somebody paused the release."""
    if tick.state.paused:
        return hold_paused(tick)
    match tick.plan.strategy:
        case Strategy.CANARY:
            return (yield from _step_weight(tick))
        case Strategy.AB_TESTING:
            return (yield from _iterate_matched(tick))
        case Strategy.BLUE_GREEN:  # pragma: no branch - mypy proves it is the last
            return (yield from _iterate_idle(tick))


def hold_paused(tick: Tick) -> Decision:
    """Keep the weight while somebody has paused the release, until the approval deadline ends it."""
    reason = tick.state.paused
    state = machine.hold_traffic(tick.state, reason, tick.world.now)
    if overdue(state.held_since, tick.world.now, tick.plan.approval_deadline):
        return roll_back(tick, Cause.REFUSED, f"{reason}, and not resumed in time", state=state)
    first = state.held_since == tick.world.now
    halt = Event(f"Halt {tick.plan.key} advancement {reason}", warning=True, alert=Severity.WARN)
    return Decision(state, (), (halt,) if first else (), Pace.INTERVAL, reason=reason)


def _step_weight(tick: Tick) -> Deliberation:
    passed = yield from _ask_increase(tick)
    if isinstance(passed, Decision):
        return passed
    if tick.plan.analysis.mirror_percent and not tick.state.started:
        return _advance(tick, Route(mirrored=True), f"canary weight {tick.state.weight}", before=passed)
    weight = next_rung(tick.plan, tick.state)
    if weight is not None:
        sticky = tick.plan.analysis.affinity is not None
        return _advance(tick, Route(weight, sticky=sticky), f"canary weight {weight}", before=passed)
    return (yield from _promote_when_confirmed(tick, before=passed))


def _ask_increase(tick: Tick) -> Generated[Decision | tuple[Event, ...]]:
    if tick.state.route.mirrored or tick.state.phase is Phase.WAITING_PROMOTION:
        return ()
    answer = yield from ask_hooks(tick, HookType.CONFIRM_TRAFFIC_INCREASE)
    if not answer.passed:
        return _hold_traffic(tick, answer)
    return tuple(Event(f"Confirm-traffic-increase check {name} passed") for name in answer.passed_hooks)


def deliberate_admission(tick: Tick) -> Deliberation:
    """Decide whether the canary may have its next step, for a pipeline that takes it; the pace is SOON when it may."""
    if tick.plan.skip_analysis:
        return Decision(tick.state, pace=Pace.SOON)
    if tick.state.paused:
        return hold_paused(tick)
    passed = (yield from _ask_increase(tick)) if tick.plan.strategy is Strategy.CANARY else ()
    return passed if isinstance(passed, Decision) else Decision(tick.state, (), passed, Pace.SOON)


def deliberate_confirmation(tick: Tick) -> Deliberation:
    """Decide whether the canary may be promoted, for a pipeline that promotes it."""
    if tick.plan.skip_analysis:
        return Decision(tick.state, pace=Pace.SOON, reason=CONFIRMED)
    if tick.state.paused:
        return hold_paused(tick)
    answer = yield from ask_hooks(tick, HookType.CONFIRM_PROMOTION)
    if not answer.passed:
        return _hold_promotion(tick, answer)
    return Decision(tick.state, (), _confirmed(answer), Pace.SOON, reason=CONFIRMED)


def next_rung(plan: RolloutPlan, state: RolloutState) -> int | None:
    """Give the weight that follows in a plan of weight steps, by its judge; None where promotion follows."""
    terms = trial.write_terms(plan)
    if terms is None:
        return next_weight(plan.analysis.weights, state.weight)
    return ladder.next_rung(terms.weights, state.weight, state.case.traffic if state.case else None)


def _iterate_matched(tick: Tick) -> Deliberation:
    done, wanted = tick.state.iterations, tick.plan.analysis.iterations
    if done >= wanted:
        return (yield from _promote_when_confirmed(tick))
    route = Route(ALL, matched=True, sticky=tick.plan.analysis.affinity is not None)
    return _advance(tick, route, f"canary iteration {done + 1}/{wanted}", iterations=done + 1)


def _iterate_idle(tick: Tick) -> Deliberation:
    done, wanted = tick.state.iterations, tick.plan.analysis.iterations
    if done < wanted:
        mirrored = tick.plan.analysis.mirror_percent > 0 and tick.plan.provider != NO_MESH
        return _advance(tick, Route(mirrored=mirrored), f"canary iteration {done + 1}/{wanted}", iterations=done + 1)
    if tick.plan.provider == NO_MESH or tick.state.route.canary_percent:
        return (yield from _promote_when_confirmed(tick))
    answer = yield from ask_hooks(tick, HookType.CONFIRM_PROMOTION)
    if not answer.passed:
        return _hold_promotion(tick, answer)
    state = machine.advance(tick.state, Route(ALL), tick.world.now, iterations=wanted + 1)
    mirrored = tick.state.route.mirrored
    what = "Stop traffic mirroring and route all traffic to canary" if mirrored else "Routing all traffic to canary"
    return Decision(state, (Shift(Route(ALL)),), (*_confirmed(answer), Event(what)))


def _advance(tick: Tick, route: Route, what: str, *, iterations: int = 0, before: tuple[Event, ...] = ()) -> Decision:
    state = machine.advance(tick.state, route, tick.world.now, iterations=iterations)
    return Decision(state, (Shift(route),), (*before, Event(f"Advance {tick.plan.key} {what}")))


def _promote_when_confirmed(tick: Tick, *, before: tuple[Event, ...] = ()) -> Deliberation:
    answer = yield from ask_hooks(tick, HookType.CONFIRM_PROMOTION)
    if not answer.passed:
        return _hold_promotion(tick, answer)
    return promote(tick, before=(*before, *_confirmed(answer)))


def _confirmed(answer: HookRound) -> tuple[Event, ...]:
    return tuple(Event(f"Confirm-promotion check {name} passed") for name in answer.passed_hooks)


def _hold_traffic(tick: Tick, answer: HookRound) -> Decision:
    reason = f"waiting for traffic increase approval {answer.hook}: {answer.reason}"
    state = machine.hold_traffic(tick.state, reason, tick.world.now)
    return _hold(tick, answer, reason, state)


def _hold_promotion(tick: Tick, answer: HookRound) -> Decision:
    reason = f"waiting for promotion approval {answer.hook}: {answer.reason}"
    state = machine.hold_promotion(tick.state, reason, tick.world.now)
    return _hold(tick, answer, reason, state)


def _hold(tick: Tick, answer: HookRound, reason: str, state: RolloutState) -> Decision:
    if overdue(state.held_since, tick.world.now, tick.plan.approval_deadline):
        return roll_back(tick, Cause.REFUSED, f"no approval by {answer.hook} in time: {answer.reason}", state=state)
    events = announce_wait(tick, answer, state, f"Halt {tick.plan.key} advancement {reason}")
    return Decision(state, (), events, Pace.INTERVAL, reason=reason)
