"""Decide a tick of the analysis: may the canary stay, and if so, what does it get next.

Order as in Flagger: primary ready, same revision, canary ready, rollback hooks, then pre-rollout hooks on the first
tick or rollout hooks and metrics on every later one, then the step.
"""

from dataclasses import replace

from webhooks.protocol import HookType
from workflows.rollout import gates, machine, trial
from workflows.rollout.decision import (
    Decision,
    Deliberation,
    Generated,
    Pace,
    Scale,
    Shift,
    Tick,
    ask_counts,
    ask_hooks,
    ask_metrics,
    ask_top_up,
)
from workflows.rollout.ending import Judgement, await_primary, count_failure, flee, go_home, overdue, roll_back
from workflows.rollout.plan import NoDataPolicy, Severity
from workflows.rollout.promotion import promote
from workflows.rollout.state import Cause, Event, RolloutState, Verdict
from workflows.rollout.step import deliberate_step
from workflows.rollout.traffic import Arm, Route


def deliberate_analysis(tick: Tick) -> Deliberation:
    """Judge the canary and, when it passed, take the next step in the same tick."""
    gate = yield from deliberate_gate(tick)
    if gate.verdict is not Verdict.PASSED:
        return gate
    if tick.plan.skip_analysis:
        return promote(tick)
    step = yield from deliberate_step(replace(tick, state=gate.state))
    # The checks of a threshold speak for themselves; evidence is said in its own words.
    return follow(gate, step, gate.reason if gate.state.case else "")


def follow(gate: Decision, step: Decision, reason: str) -> Decision:
    """Tell what was judged with what came of it, by its own reason or else by this one."""
    told = (*gate.events, *step.events)
    return replace(step, verdict=gate.verdict, checks=gate.checks, events=told, reason=step.reason or reason)


def deliberate_gate(tick: Tick) -> Deliberation:
    """Judge the canary without moving it on; a failed check may end the release."""
    obstacle = look_for_obstacle(tick)
    if obstacle:
        return obstacle
    if tick.plan.skip_analysis:
        return Decision(tick.state, verdict=Verdict.PASSED)
    if tick.plan.analysis.hooks_of(HookType.ROLLBACK):
        manual = yield from ask_hooks(tick, HookType.ROLLBACK)
        if manual.passed:
            return roll_back(tick, Cause.HOOK, f"rollback check {manual.hook} passed")
    judgement = yield from (_judge_window(tick) if tick.state.started else _judge_start(tick))
    return _conclude(tick, judgement)


def look_for_obstacle(tick: Tick) -> Decision | None:
    """Say what keeps this tick from judging the canary: an arm, the revision or the route; None when nothing does."""
    looks = (_look_at_primary, _look_at_revision, _look_at_canary, _look_at_route)
    return next((obstacle for look in looks if (obstacle := look(tick))), None)


def _look_at_primary(tick: Tick) -> Decision | None:
    # Flagger: skipAnalysis asks nothing of the primary; it is the way out when the primary's own version is broken.
    return None if tick.world.primary.ready or tick.plan.skip_analysis else await_primary(tick)


def _look_at_revision(tick: Tick) -> Decision | None:
    return None if tick.world.revision == tick.state.revision else _restart(tick)


def _look_at_canary(tick: Tick) -> Decision | None:
    if tick.world.route.canary_percent and not tick.world.canary.serving:
        return _lose_canary(tick)
    return None if tick.world.canary.ready else _await_canary(tick)


def _look_at_route(tick: Tick) -> Decision | None:
    found, asked = tick.world.route, tick.state.route
    if not tick.world.primary.ready:
        return None
    if asked.canary_percent and tick.state.weight == 0:
        return _return_home(tick, f"Primary of {tick.plan.key} is ready again, routing all traffic to it")
    return None if found == asked else _set_right(tick, found, asked)


def _set_right(tick: Tick, found: Route, asked: Route) -> Decision:
    """Undo what somebody did to the traffic; who goes on doing it fails checks, since nothing is judged meanwhile."""
    strange = f"canary weight is {found} where {asked} was set"
    counted = count_failure(tick, Judgement(Verdict.FAILED, strange)) if tick.state.halt == strange else None
    if counted and counted.ended:
        return counted
    seen = replace(tick, state=machine.find_moved(counted.state if counted else tick.state, strange))
    if found.canary_percent < asked.canary_percent:
        # Whoever took traffic off the canary had a reason; it is never put back, only climbed to again.
        return _return_home(seen, f"Halt {tick.plan.key} advancement {strange}, starting again from 0")
    return _correct_route(seen, f"Halt {tick.plan.key} advancement {strange}, setting it again")


def _restart(tick: Tick) -> Decision:
    plan, world = tick.plan, tick.world
    message = f"New revision detected! Restarting analysis for {plan.target.name}.{plan.namespace}"
    if plan.analysis.hooks_of(HookType.CONFIRM_ROLLOUT):
        # An approval given for one revision never admits another.
        state = machine.await_approval(tick.state, world.revision, "a new revision came in mid-analysis", world.now)
        return Decision(state, go_home(world), (Event(message),), Pace.SOON, reason=message)
    state = machine.restart(tick.state, world.revision, world.now)
    # What the canary runs besides its template, as its configs, may be what has changed.
    actions = (*go_home(world), Scale(Arm.CANARY, up=True))
    return Decision(state, actions, (Event(message),), Pace.SOON, reason=message)


def _lose_canary(tick: Tick) -> Decision:
    reason = f"canary has no ready endpoint: {tick.world.canary.reason}"
    counted = count_failure(tick, Judgement(Verdict.FAILED, reason))
    if counted.ended:
        return counted
    fled = flee(replace(tick, state=counted.state))
    return replace(fled, verdict=Verdict.FAILED) if fled else counted


def _await_canary(tick: Tick) -> Decision:
    canary = tick.world.canary
    if canary.unready_for > tick.plan.progress_deadline:
        waited = int(tick.plan.progress_deadline.total_seconds())
        return roll_back(tick, Cause.NOT_READY, f"no progress for {waited}s: {canary.reason}")
    why = f"canary deployment {tick.plan.target.name}.{tick.plan.namespace} not ready: {canary.reason}"
    state = machine.hold(tick.state, tick.world.now)
    return Decision(state, (), (Event(why, warning=True),), Pace.SOON, reason=why)


def _return_home(tick: Tick, message: str) -> Decision:
    state = machine.evacuate(tick.state, Route(), tick.world.now)
    return Decision(state, (Shift(Route()),), (Event(message, warning=True),), Pace.SOON, reason=message)


def _correct_route(tick: Tick, message: str) -> Decision:
    state = machine.hold(tick.state, tick.world.now)
    events = (Event(message, warning=True),)
    return Decision(state, (Shift(tick.state.route),), events, Pace.INTERVAL, reason=message)


def _judge_start(tick: Tick) -> Generated[Judgement]:
    begun = Event(f"Starting canary analysis for {tick.plan.target.name}.{tick.plan.namespace}")
    answer = yield from ask_hooks(tick, HookType.PRE_ROLLOUT)
    passed = tuple(Event(f"Pre-rollout check {name} passed") for name in answer.passed_hooks)
    if answer.passed:
        return Judgement(Verdict.PASSED, events=(begun, *passed))
    reason = f"pre-rollout check {answer.hook} failed {answer.reason}"
    return Judgement(Verdict.FAILED, reason, events=(begun, *passed), alert=Severity.WARN)


def _judge_window(tick: Tick) -> Generated[Judgement]:
    answer = yield from ask_hooks(tick, HookType.ROLLOUT)
    if not answer.passed:
        return Judgement(Verdict.FAILED, f"external check {answer.hook} failed {answer.reason}")
    terms = trial.write_terms(tick.plan)
    # Before the counters are read, so that what users send meanwhile is in the window.
    ours = yield from ask_top_up(trial.want_top_up(tick, terms) if terms else None)
    results = yield from ask_metrics(tick)
    verdict = gates.combine(results)
    judgement = Judgement(verdict, gates.explain(results, verdict), results)
    if terms is None:
        return replace(judgement, events=_tell_numbers(tick, judgement))
    counts = yield from ask_counts()
    return trial.judge(tick, terms, judgement, trial.Seen(counts, ours))


def _tell_numbers(tick: Tick, judgement: Judgement) -> tuple[Event, ...]:
    # Who looks at the events of a release sees the numbers of checks that passed, too; a failed one is told as such.
    if judgement.verdict is not Verdict.PASSED or not judgement.checks:
        return ()
    return (Event(f"Checks passed {tick.plan.key} canary weight {tick.state.weight}: {judgement.reason}"),)


def _conclude(tick: Tick, judgement: Judgement) -> Decision:
    if judgement.case is None:
        return _conclude_checks(tick, judgement)
    weighed = replace(tick, state=machine.weigh(tick.state, judgement.case))
    if judgement.ends:
        return _end(weighed, judgement.ends, judgement, weighed.state)
    if judgement.waits:
        state = machine.lose_sight(weighed.state, judgement.reason, tick.world.now)
        return _describe(state, judgement)
    return _conclude_checks(weighed, judgement)


def _conclude_checks(tick: Tick, judgement: Judgement) -> Decision:
    if judgement.verdict is Verdict.INCONCLUSIVE:
        holds = tick.plan.no_data is NoDataPolicy.HOLD
        return _stay_blind(tick, judgement) if holds else count_failure(tick, judgement)
    seen = machine.see_again(tick.state)
    if judgement.verdict is Verdict.FAILED:
        return count_failure(replace(tick, state=seen), judgement)
    return _describe(seen, judgement)


def _describe(state: RolloutState, judgement: Judgement) -> Decision:
    return Decision(state, (), judgement.events, Pace.INTERVAL, judgement.verdict, judgement.checks, judgement.reason)


def _end(tick: Tick, cause: Cause, judgement: Judgement, state: RolloutState) -> Decision:
    ending = roll_back(tick, cause, judgement.reason, events=judgement.events, state=state)
    return replace(ending, verdict=judgement.verdict, checks=judgement.checks)


def _stay_blind(tick: Tick, judgement: Judgement) -> Decision:
    state = machine.lose_sight(tick.state, judgement.reason, tick.world.now)
    if overdue(state.blind_since, tick.world.now, tick.plan.progress_deadline):
        return _end(tick, Cause.NO_DATA, judgement, state)
    halt = Event(f"Halt {tick.plan.key} advancement {judgement.reason}", warning=True)
    return _describe(state, replace(judgement, events=(*judgement.events, halt)))
