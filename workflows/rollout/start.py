"""Decide what happens before an analysis: first deployment, new revision, approval to begin."""

from webhooks.protocol import HookType
from workflows.rollout import machine, trial
from workflows.rollout.decision import (
    Decision,
    Deliberation,
    Initialise,
    Pace,
    Scale,
    Shift,
    Tick,
    ask_hooks,
)
from workflows.rollout.ending import go_home, overdue, roll_back
from workflows.rollout.plan import Severity
from workflows.rollout.state import Cause, Event, HookRound, RolloutState
from workflows.rollout.traffic import Arm, Route


def decide_first(tick: Tick) -> Decision:
    """Make the primary and, once it is ready, give it all traffic and scale the target to zero."""
    plan, world = tick.plan, tick.world
    if tick.state.phase_since is None:
        # The primary is made, or taken over, before its revision is read for good.
        return Decision(machine.hold(tick.state, world.now), (Initialise(),), pace=Pace.SOON)
    if not world.primary.ready:
        return _await_first(tick)
    done = Event(f"Initialization done! {plan.key}")
    alert = Event(f"New {plan.target.kind} detected, initialization completed.", alert=Severity.INFO)
    state = machine.initialise(tick.state, world.revision, world.now)
    return Decision(state, (Shift(Route()), Scale(Arm.CANARY, up=False)), (done, alert), Pace.DONE)


def _await_first(tick: Tick) -> Decision:
    plan, world = tick.plan, tick.world
    why = f"{plan.target.name}-primary.{plan.namespace} not ready: {world.primary.reason}"
    if world.primary.unready_for > plan.progress_deadline:
        return _give_up(tick, why)
    state = machine.hold(tick.state, world.now)
    return Decision(state, (Initialise(),), (Event(why, warning=True),), Pace.SOON, reason=why)


def _give_up(tick: Tick, why: str) -> Decision:
    state = machine.give_up(tick.state, Cause.PRIMARY_NOT_READY, why, tick.world.now)
    event = Event(why, warning=True, alert=Severity.ERROR)
    return Decision(state, (), (event,), Pace.DONE, reason=why)


def changed(state: RolloutState, revision: str) -> bool:
    """Tell whether the target asks for a release (Flagger: neither what was applied last nor what was promoted)."""
    return revision not in {state.revision, state.promoted_revision}


def deliberate_rest(tick: Tick) -> Deliberation:
    """Look for a new revision; without one, nothing moves."""
    if not changed(tick.state, tick.world.revision):
        return Decision(tick.state, pace=Pace.DONE, reason="no new revision")
    primary = tick.world.primary
    if not primary.ready and not tick.plan.skip_analysis:
        return _await_primary(tick)
    return (yield from _confirm(tick))


def _await_primary(tick: Tick) -> Decision:
    plan, primary = tick.plan, tick.world.primary
    why = f"{plan.target.name}-primary.{plan.namespace} not ready: {primary.reason}"
    if primary.unready_for > plan.progress_deadline:
        return _give_up(tick, why)
    state = machine.hold(tick.state, tick.world.now)
    return Decision(state, (), (Event(why, warning=True),), Pace.SOON, reason=why)


def deliberate_waiting(tick: Tick) -> Deliberation:
    """Ask again whether the new revision may start, until it is withdrawn, rolled back by hand, or overdue."""
    if tick.world.revision == tick.state.promoted_revision:
        gone = Event(f"New revision of {tick.plan.key} was withdrawn before it was approved")
        state, home = machine.withdraw(tick.state, tick.world.now), go_home(tick.world)
        # An analysis that was under way before has left its canary up.
        actions = (*home, Scale(Arm.CANARY, up=False)) if home else ()
        return Decision(state, actions, (gone,), Pace.DONE, reason=gone.message)
    if tick.plan.analysis.hooks_of(HookType.ROLLBACK):
        manual = yield from ask_hooks(tick, HookType.ROLLBACK)
        if manual.passed:
            return roll_back(tick, Cause.HOOK, f"rollback check {manual.hook} passed")
    return (yield from _confirm(tick))


def _confirm(tick: Tick) -> Deliberation:
    answer = yield from ask_hooks(tick, HookType.CONFIRM_ROLLOUT)
    if not answer.passed:
        return _wait(tick, answer)
    plan, world = tick.plan, tick.world
    passed = tuple(Event(f"Confirm-rollout check {name} passed") for name in answer.passed_hooks)
    found = Event(f"New revision detected! Scaling up {plan.target.name}.{plan.namespace}")
    alert = Event(f"New revision detected, progressing canary analysis: {plan.key}", alert=Severity.INFO)
    other = tuple(Event(why, warning=True) for why in (trial.choose_judge(plan).reason,) if why)
    state = machine.begin(tick.state, world.revision, world.now)
    # Nobody but the primary may have traffic while the canary is rolled.
    return Decision(state, (*go_home(world), Scale(Arm.CANARY, up=True)), (*passed, found, *other, alert), Pace.SOON)


def _wait(tick: Tick, answer: HookRound) -> Decision:
    reason = f"waiting for approval {answer.hook}: {answer.reason}"
    state = machine.await_approval(tick.state, tick.world.revision, reason, tick.world.now)
    if overdue(state.held_since, tick.world.now, tick.plan.approval_deadline):
        return roll_back(tick, Cause.REFUSED, f"no approval by {answer.hook} in time: {answer.reason}", state=state)
    events = announce_wait(tick, answer, state, f"Halt {tick.plan.key} advancement {reason}")
    # An ending may have left the canary with all users; what it runs now is not approved.
    home = go_home(tick.world) if tick.world.route != Route() else ()
    return Decision(state, home, events, Pace.INTERVAL, reason=reason)


def announce_wait(tick: Tick, answer: HookRound, state: RolloutState, message: str) -> tuple[Event, ...]:
    """Tell people once that an approval is missing (Flagger repeats the traffic-increase alert every tick)."""
    muted = any(hook.name == answer.hook and hook.mute_alert for hook in tick.plan.analysis.hooks)
    first = state.held_since == tick.world.now
    return (Event(message, warning=True, alert=None if muted else Severity.WARN),) if first else ()
