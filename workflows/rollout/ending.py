"""End a release, and get traffic off an arm that cannot serve it.

The one rule to keep: traffic moves first, and only to an arm with ready endpoints; the canary is scaled to zero only
when it is left without traffic.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workflows.rollout import machine
from workflows.rollout.case import Case
from workflows.rollout.decision import Action, Decision, Pace, Scale, Shift, Tick
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import Severity
from workflows.rollout.state import Cause, CheckResult, Event, RolloutState, Verdict, World
from workflows.rollout.traffic import Arm, Route, home, route_home


@dataclass(frozen=True, slots=True)
class Judgement:
    """Carry what a tick's hooks and checks said together, and the evidence where it judges.

    `case` is what the evidence judge remembers from now on. `ends` is set where the verdict ends the release at once,
    `waits` where the weight is kept without a failed check. `alert` is the severity under which people hear of a check
    that failed, None where the end of the release tells them.
    """

    verdict: Verdict
    reason: str = ""
    checks: tuple[CheckResult, ...] = ()
    events: tuple[Event, ...] = ()
    case: Case | None = None
    ends: Cause | None = None
    waits: bool = False
    alert: Severity | None = None


def overdue(since: datetime | None, now: datetime, deadline: timedelta) -> bool:
    """Tell whether something has lasted longer than its deadline."""
    return since is not None and now - since > deadline


def go_home(world: World) -> tuple[Action, ...]:
    """Send all traffic to the primary; a primary that cannot serve gets none beyond what it has."""
    return (Shift(Route()),) if world.primary.serving else ()


def roll_back(
    tick: Tick, cause: Cause, reason: str, *, events: tuple[Event, ...] = (), state: RolloutState | None = None
) -> Decision:
    """End the release without promotion: traffic home, canary to zero when it is left without any."""
    before = state or tick.state
    world = tick.world
    arm = _find_home(before, world)
    route = route_home(arm) if arm else world.route
    actions: list[Action] = [Shift(route)] if arm else []
    if route.canary_percent == 0:
        actions.append(Scale(Arm.CANARY, up=False))
    if before.revision and before.revision == before.promoted_revision:
        reason = _say_too_late(reason, before.revision)
    after = machine.roll_back(before, route, cause, reason, world.now)
    told = (*events, _declare(tick, cause, reason), _farewell(tick, route, arm))
    return Decision(after, tuple(actions), told, Pace.DONE, reason=reason, ended=True)


def _find_home(state: RolloutState, world: World) -> Arm | None:
    # A canary that runs what came in since is proved by nothing: the primary comes first then, ready or not.
    phase = state.phase if world.revision == state.revision else Phase.PROGRESSING
    return home(phase, world.primary, world.canary)


def _say_too_late(reason: str, revision: str) -> str:
    late = f"the primary has {revision} already, set the target back to leave it"
    # Who was killed in the midst of an ending ends again, for the reason that was kept.
    return reason if reason.endswith(late) else f"{reason}; {late}"


def _declare(tick: Tick, cause: Cause, reason: str) -> Event:
    target = f"{tick.plan.target.name}.{tick.plan.namespace}"
    severity = Severity.WARN if cause in {Cause.HOOK, Cause.ABORTED, Cause.REFUSED} else Severity.ERROR
    if cause is Cause.PRIMARY_NOT_READY and tick.state.phase not in ANALYSED:
        return Event(f"Promotion of {target} failed, primary not ready: {reason}", warning=True, alert=severity)
    return Event(f"Rolling back {tick.plan.key} {cause.value}: {reason}", warning=True, alert=severity)


def _farewell(tick: Tick, route: Route, arm: Arm | None) -> Event:
    target = f"{tick.plan.target.name}.{tick.plan.namespace}"
    if arm is None:
        return Event(
            f"Canary failed! Neither arm of {target} has a ready endpoint, traffic stays as it is", warning=True
        )
    if route.canary_percent:
        return Event(f"Canary failed! All traffic is on the canary of {target}, which stays up", warning=True)
    return Event(f"Canary failed! Scaling down {target}", warning=True)


def flee(tick: Tick) -> Decision | None:
    """Take traffic off an arm without ready endpoints; None when no traffic is stranded or no arm could take it.

    A canary that lost its endpoints in its analysis has failed a check; a primary that did is not the canary's fault.
    """
    world = tick.world
    lost_canary = world.route.canary_percent > 0 and not world.canary.serving
    lost_primary = world.route.primary_percent > 0 and not world.primary.serving
    arm = _find_home(tick.state, world)
    if arm is None or not (lost_canary or lost_primary):
        return None
    route = route_home(arm)
    lost = Arm.CANARY if lost_canary else Arm.PRIMARY
    why = (world.canary if lost_canary else world.primary).reason
    event = Event(f"Halt {tick.plan.key} advancement {lost.value} has no ready endpoint: {why}", warning=True)
    after = machine.evacuate(tick.state, route, world.now)
    return Decision(after, (Shift(route),), (event,), Pace.SOON, reason=event.message)


def await_primary(tick: Tick) -> Decision:
    """Wait for a primary that is not ready, until the progress deadline ends the release."""
    primary = tick.world.primary
    if primary.unready_for > tick.plan.progress_deadline:
        return roll_back(tick, Cause.PRIMARY_NOT_READY, primary.reason)
    fled = flee(tick)
    if fled:
        return fled
    name = f"{tick.plan.target.name}-primary.{tick.plan.namespace}"
    event = Event(f"{name} not ready: {primary.reason}", warning=True)
    return Decision(machine.hold(tick.state, tick.world.now), (), (event,), Pace.SOON, reason=event.message)


def count_failure(tick: Tick, judgement: Judgement) -> Decision:
    """Count a failed check; the last one allowed rolls back at once (Flagger: at the next tick)."""
    blind = judgement.verdict is Verdict.INCONCLUSIVE
    state = machine.fail_check(tick.state, judgement.reason, tick.world.now, inconclusive=blind)
    halt = Event(f"Halt {tick.plan.key} advancement {judgement.reason}", warning=True, alert=judgement.alert)
    told = (*judgement.events, halt)
    if state.failed_checks < tick.plan.analysis.threshold:
        return Decision(state, (), told, Pace.INTERVAL, judgement.verdict, judgement.checks, judgement.reason)
    cause = Cause.NO_DATA if state.inconclusive_checks == state.failed_checks else Cause.CHECKS
    reason = f"{state.failed_checks} of {tick.plan.analysis.threshold} checks failed, the last one: {judgement.reason}"
    ending = roll_back(tick, cause, reason, events=told, state=state)
    return replace(ending, verdict=judgement.verdict, checks=judgement.checks)
