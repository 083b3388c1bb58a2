"""Run a release stage by stage: one function for each stage of a pipeline.

Stages are absolute and idempotent: a repeated one finds its work done. They see ports only. Each returns the state it
left behind; whatever a stage judges, it acts on itself, so that a pipeline engine which dies leaves nothing open.
"""

import enum
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webhooks.protocol import HookType
from workflows.errors import ConfigurationError, FencedError, TemporaryError
from workflows.records import Decider, TickRecord
from workflows.release import Release, advance, call_hooks, pace_of, tell
from workflows.rollout import stage
from workflows.rollout.decision import Decision, Pace, Tick
from workflows.rollout.ending import roll_back
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.state import Cause, Event, HookRound, RolloutState, Verdict
from workflows.rollout.step import CONFIRMED
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Route

Watch = Callable[[TickRecord], None]

GRACE = timedelta(seconds=10)
"""How long an aborted promotion may take to complete before its traffic goes to the arm that can serve."""

PATIENCE = timedelta(minutes=30)
"""How long a release that another owner holds is waited for, unless told otherwise."""

_ASK_AGAIN = timedelta(seconds=1)
_PROMOTED = frozenset({Phase.PROMOTING, Phase.FINALISING})


def ignore(_: TickRecord) -> None:
    """Watch nothing."""


def drive(
    release: Release,
    until: Callable[[TickRecord], bool],
    watch: Watch = ignore,
    decide: Decider = deliberate,
) -> RolloutState:
    """Take ticks until one satisfies `until` or the release rests.

    Trouble of the platform is borne as long as the progress deadline, then the last TemporaryError is raised.
    """
    clock = release.platform.clock
    trouble_since: datetime | None = None
    known = RolloutState()
    while True:
        try:
            record = advance(release, decide)
        except TemporaryError as error:
            trouble_since = trouble_since or clock.now()
            if clock.now() - trouble_since > release.plan.progress_deadline:
                raise
            tell(release, known, (Event(f"Halt {release.plan.key} advancement {error}", warning=True),))
            clock.sleep(min(release.plan.analysis.interval, timedelta(seconds=1)))
            continue
        trouble_since, known = None, record.decision.state
        watch(record)
        if record.decision.pace is Pace.DONE or until(record):
            return record.decision.state
        clock.sleep(pace_of(record.decision, release.plan.analysis.interval))


def rests(record: TickRecord) -> bool:
    """Tell whether the release is over, or none has begun."""
    return record.decision.pace is Pace.DONE


def _comes_to(reason: str) -> Callable[[TickRecord], bool]:
    return lambda record: record.decision.reason == reason


def _routed_home(record: TickRecord) -> bool:
    return record.decision.state.phase is Phase.FINALISING


class Conflict(enum.Enum):
    """Name what to do while another owner holds the release."""

    FAIL = "fail"
    WAIT = "wait"
    SUPERSEDE = "supersede"


def acquire(release: Release, conflict: Conflict = Conflict.FAIL, patience: timedelta = PATIENCE) -> RolloutState:
    """Become the owner; raises FencedError when another owner holds the release, and still does after a wait."""
    clock, by_force = release.platform.clock, conflict is Conflict.SUPERSEDE
    deadline = clock.now() + patience
    while True:
        try:
            release.platform.states.acquire(release.owner, release.lease, by_force=by_force)
            return release.state()
        except FencedError:
            left = deadline - clock.now()
            if conflict is not Conflict.WAIT or left <= timedelta():
                raise
            clock.sleep(min(_ASK_AGAIN, left))


def initialise(release: Release, watch: Watch = ignore) -> RolloutState:
    """Make the primary and route all traffic to it; does nothing when that is done."""
    state = release.state()
    return state if state.phase is not Phase.INITIALIZING else drive(release, rests, watch)


def start(release: Release, watch: Watch = ignore) -> RolloutState:
    """Begin the analysis of a new revision and wait until its canary is ready; needs a primary.

    What is being promoted already is left to the stages that complete it.
    """
    state = release.state()
    if state.phase is Phase.INITIALIZING:
        raise _misplaced(release, "start", "a primary: run the stage 'initialise' first")
    if state.phase in _PROMOTED:
        return state
    return drive(release, _comes_to(stage.READY), watch, stage.Start())


def gate(release: Release, watch: Watch = ignore, *, at: int = 0) -> RolloutState:
    """Judge the canary at its weight until it passes, or until the traffic has gone home.

    One whose weight is less than `at`, in percent, is rolled back: its traffic fled, and nobody climbs to it again.
    Before any traffic it asks the pre-rollout hooks; else it observes for an interval first. A canary that passed stays
    judged while a confirm-traffic-increase hook says no, or somebody has paused it.
    """
    ended = _ended(release, ANALYSED, "gate")
    if ended:
        return ended
    if release.state().started:
        release.platform.clock.sleep(release.plan.analysis.interval)
    return drive(release, _passed, watch, stage.Gate(at))


def _passed(record: TickRecord) -> bool:
    return record.decision.verdict is Verdict.PASSED and record.decision.pace is Pace.SOON


def set_weight(release: Release, percent: int, watch: Watch = ignore) -> RolloutState:
    """Give the canary a share of the traffic, in whole percents; absolute.

    When the traffic it has goes home in the meantime, it stays there: a canary never gets back at once what it lost.
    """
    sticky = percent > 0 and release.plan.analysis.affinity is not None
    matched = percent > 0 and release.plan.strategy is Strategy.AB_TESTING
    return _set_route(release, Route(percent, matched=matched, sticky=sticky), f"canary weight {percent}", watch)


def mirror(release: Release, watch: Watch = ignore, *, on: bool) -> RolloutState:
    """Copy requests to the canary, or stop copying them."""
    percent = release.state().weight
    route = Route(percent, mirrored=on)
    return _set_route(release, route, f"mirroring {'on' if on else 'off'}", watch)


def _set_route(release: Release, route: Route, what: str, watch: Watch) -> RolloutState:
    return _ended(release, ANALYSED, f"set-weight {route.canary_percent}") or drive(
        release,
        lambda record: record.decision.reason in {stage.WEIGHT_SET, stage.WEIGHT_LOST},
        watch,
        stage.SetRoute(route, what, release.state().weight),
    )


def hook(release: Release, hook_type: HookType, patience: timedelta = timedelta()) -> HookRound:
    """Call the hooks of one type until they say yes or the patience is over, and return what they said last.

    The canary is judged while its promotion is not confirmed.
    """
    if hook_type is HookType.CONFIRM_PROMOTION:
        return _confirm_promotion(release, patience)
    clock = release.platform.clock
    deadline = clock.now() + patience
    answer = call_hooks(release, hook_type, release.platform.workload.revision())
    while not answer.passed and clock.now() < deadline:
        clock.sleep(min(release.plan.analysis.interval, deadline - clock.now()))
        answer = call_hooks(release, hook_type, release.platform.workload.revision())
    said = f"{hook_type.value} {answer.hook}: {answer.reason}" if answer.hook else f"{hook_type.value} hooks passed"
    tell(release, release.state(), (Event(said, warning=not answer.passed),))
    return answer


def _confirm_promotion(release: Release, patience: timedelta) -> HookRound:
    state, clock = release.state(), release.platform.clock
    if _ended(release, ANALYSED | _PROMOTED, f"hook {HookType.CONFIRM_PROMOTION.value}") or state.phase in _PROMOTED:
        return HookRound(passed=state.phase in _PROMOTED, reason=state.reason)
    deadline = clock.now() + patience
    if state.phase is Phase.WAITING_PROMOTION or state.paused:
        clock.sleep(release.plan.analysis.interval)
    confirmed = _comes_to(CONFIRMED)
    last = deque[TickRecord](maxlen=1)
    state = drive(
        release,
        lambda record: confirmed(record) or record.at >= deadline,
        last.append,
        stage.ConfirmPromotion(state.weight),
    )
    return HookRound(passed=confirmed(last[0]), reason=state.reason)


def promote(release: Release, watch: Watch = ignore) -> RolloutState:
    """Give the primary the canary's template and wait until it is ready, the traffic still where it was.

    Raises ConfigurationError for a canary that has none of the traffic by which it was to be judged.
    """
    ended = _ended(release, ANALYSED | _PROMOTED, "promote")
    if ended is None and _is_unproved(release.plan, release.state()):
        raise ConfigurationError(
            f"{release.plan.key}: stage 'promote' cannot run at canary weight 0; set-weight and gate come before it"
        )
    return ended or drive(release, _comes_to(stage.PRIMARY_READY), watch, stage.CopyTemplate(release.state().weight))


def _is_unproved(plan: RolloutPlan, state: RolloutState) -> bool:
    judged = plan.strategy is not Strategy.BLUE_GREEN and not plan.skip_analysis
    return judged and state.phase in ANALYSED and state.weight == 0 and not state.condemned


def shift_back(release: Release, watch: Watch = ignore) -> RolloutState:
    """Route the traffic back to the promoted primary, at once or in the plan's steps."""
    if release.state().phase is Phase.FINALISING:
        return release.state()
    return _ended(release, _PROMOTED, "shift-back") or drive(release, _routed_home, watch)


def finalise(release: Release, watch: Watch = ignore) -> RolloutState:
    """Scale the canary to zero and declare the release done."""
    if release.state().phase is Phase.SUCCEEDED:
        return release.state()
    return _ended(release, frozenset({Phase.FINALISING}), "finalise") or drive(release, rests, watch)


@dataclass(frozen=True, slots=True)
class Ending:
    """Decide to end a release for a cause from outside; one that has ended stays as it is."""

    cause: Cause
    reason: str

    def __call__(self, tick: Tick) -> Decision:
        """Roll back what is under way."""
        return (
            roll_back(tick, self.cause, self.reason) if tick.state.under_way else Decision(tick.state, pace=Pace.DONE)
        )


def rollback(release: Release, cause: Cause, reason: str, watch: Watch = ignore) -> RolloutState:
    """Send the traffic home and end the release; does nothing when it has ended."""
    return drive(release, rests, watch, Ending(cause, reason))


def finish(release: Release, cause: Cause, reason: str, watch: Watch = ignore) -> RolloutState:
    """End safe, whatever the state: complete a promotion that can be completed soon, roll back everything else."""
    hurried = replace(release, plan=_hurry(release.plan))
    if release.state().phase in _PROMOTED:
        deadline = release.platform.clock.now() + GRACE
        with suppress(TemporaryError):
            drive(hurried, lambda record: record.at > deadline, watch)
    return rollback(hurried, cause, reason, watch)


def _hurry(plan: RolloutPlan) -> RolloutPlan:
    soon = replace(plan.analysis, interval=min(plan.analysis.interval, timedelta(seconds=1)), promotion_step=0)
    return replace(plan, analysis=soon, progress_deadline=min(plan.progress_deadline, GRACE))


def _ended(release: Release, phases: frozenset[Phase], name: str) -> RolloutState | None:
    state = release.state()
    if state.phase in phases:
        return None
    if state.phase is Phase.FAILED:
        return state
    raise _misplaced(release, name, " or ".join(sorted(phase.value for phase in phases)))


def _misplaced(release: Release, name: str, needs: str) -> ConfigurationError:
    phase = release.state().phase.value
    return ConfigurationError(f"{release.plan.key}: stage {name!r} cannot run in phase {phase}; it needs {needs}")
