"""Take one tick of a release through the ports: look, deliberate, act, record.

The one rule to keep: a decision to roll back is saved before its traffic moves, every other state after its actions
are in force; whatever is repeated after a crash is absolute and finds its work done.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webhooks.protocol import HookPayload, HookType
from workflows.errors import TemporaryError
from workflows.ports import Lease, Platform
from workflows.records import Decider, Evidence, Exchange, TickRecord, keep_nothing
from workflows.rollout import gates, machine
from workflows.rollout.decision import (
    Action,
    Answer,
    CallHooks,
    CountTraffic,
    Decision,
    Deliberation,
    Initialise,
    JudgeMetrics,
    Pace,
    Promote,
    Question,
    Scale,
    Shift,
    Tick,
    TopUp,
)
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.plan import Hook, RolloutPlan
from workflows.rollout.samples import Gap, Measurement, TrafficCounts
from workflows.rollout.state import CheckResult, Event, HookRound, RolloutState, World
from workflows.rollout.tick import deliberate
from workflows.rollout.traffic import Arm

LEASE = timedelta(seconds=15)
"""How long the owner of a whole run may be silent before the watchdog takes the release from it."""


@dataclass(frozen=True, slots=True)
class Release:
    """Hold what every stage works with: the platform, the plan, who we are, and how long we may be silent.

    `keep` gets the record of each tick before its decision is put in force; it must not raise.
    """

    platform: Platform
    plan: RolloutPlan
    owner: str
    lease: timedelta = LEASE
    keep: Callable[[TickRecord], None] = keep_nothing

    def acquire(self) -> Lease:
        """Become or stay the owner; raises FencedError while another's lease runs."""
        return self.platform.states.acquire(self.owner, self.lease)

    def state(self) -> RolloutState:
        """Load where the release stands."""
        return self.platform.states.load() or RolloutState()


def look(release: Release) -> World:
    """Look at the platform once."""
    platform = release.platform
    return World(
        now=platform.clock.now(),
        revision=platform.workload.revision(),
        primary=platform.workload.readiness(Arm.PRIMARY),
        canary=platform.workload.readiness(Arm.CANARY),
        route=platform.router.read(),
        order=platform.states.ordered(),
    )


def advance(release: Release, decide: Decider = deliberate) -> TickRecord:
    """Take one tick; raises FencedError when we are not the owner, TemporaryError when nothing could be decided.

    After a TemporaryError the same tick can be taken again. What was condemned is rolled back, whoever decides.
    """
    lease = release.acquire()
    state = release.state()
    world = look(release)
    inquiry = _Inquiry(release, state)
    decide = deliberate if state.condemned else decide
    decision = inquiry.hear(decide(Tick(release.plan, state, world)))
    record = TickRecord(world.now, state, world, decision, release.plan, decide, lease, inquiry.evidence)
    release.keep(record)
    _perform(release, record)
    return record


def _perform(release: Release, record: TickRecord) -> None:
    """Put a decision in force, keep its state, tell people, and call the post-rollout hooks of an ending.

    What was decided under a lease that another owner had in between is dropped: the release may be over.
    """
    platform, before, decision = release.platform, record.before, record.decision
    lease = release.acquire()
    if lease.fence != record.lease.fence:
        raise TemporaryError(f"{release.plan.key}: the release changed hands during the tick; it is looked at again")
    after = decision.state
    if decision.ended and after.phase is Phase.FAILED:
        platform.states.save(machine.condemn(before, after, platform.clock.now()), lease)
    if any(isinstance(action, Promote) for action in decision.actions):
        _offer(release, before, lease)
    for action in decision.actions:
        act(platform, action)
    if after.phase in ANALYSED and (decision.verdict or decision.actions):
        after = machine.open_window(after, read_counts(release))
    if after != before:
        platform.states.save(after, lease)
    tell(release, after, decision.events)
    if decision.ended:
        _call_post_rollout(release, after)


def _offer(release: Release, before: RolloutState, lease: Lease) -> None:
    """Record that the primary is being given the canary's template, unless the target asks for another by now."""
    current = release.platform.workload.revision()
    if current != before.revision:
        raise TemporaryError(f"{release.plan.key}: revision {current} came in before {before.revision} was promoted")
    release.platform.states.save(machine.offer(before), lease)


def act(platform: Platform, action: Action) -> None:
    """Perform one action through the ports."""
    match action:
        case Initialise():
            platform.workload.initialise()
        case Shift(route):
            platform.router.shift(route)
        case Scale(arm, up):
            platform.workload.scale(arm, up=up)
        case Promote(revision):  # pragma: no branch - mypy proves it is the last
            platform.workload.promote(revision)


class _Inquiry:
    """Answer what a deliberation asks and keep the answers; the counters are read once, when first asked for."""

    def __init__(self, release: Release, state: RolloutState) -> None:
        self._release = release
        self._since = state.counts
        self._unread = ""
        self.evidence = Evidence()

    def hear(self, deliberation: Deliberation | Decision) -> Decision:
        """Lead a deliberation to its decision."""
        if isinstance(deliberation, Decision):
            return deliberation
        try:
            question = next(deliberation)
            while True:
                answer = self._answer(question)
                exchanges = (*self.evidence.exchanges, Exchange(question, answer))
                self.evidence = replace(self.evidence, exchanges=exchanges)
                question = deliberation.send(answer)
        except StopIteration as decided:
            decision: Decision = decided.value
            return decision

    def _answer(self, question: Question) -> Answer:
        match question:
            case CallHooks(hook_type, revision):
                return call_hooks(self._release, hook_type, revision)
            case JudgeMetrics():
                return self._judge()
            case TopUp():
                return _top_up(self._release, question)
            case CountTraffic():  # pragma: no branch - mypy proves it is the last
                self._count()
                return self.evidence.window

    def _judge(self) -> tuple[CheckResult, ...]:
        plan, metrics = self._release.plan, self._release.platform.metrics
        self._count()
        checks = plan.analysis.checks
        measurements = {check.name: metrics.measure(check, plan) for check in checks if not check.built_in}
        if self._unread:
            gap = Measurement(gap=Gap.UNREACHABLE, detail=self._unread)
            measurements |= {check.name: gap for check in checks if check.built_in}
        self.evidence = replace(self.evidence, measurements=measurements)
        return gates.judge(checks, self.evidence.window.canary, measurements)

    def _count(self) -> None:
        if self.evidence.reading is None:
            now = self._read_counter()
            window = now.since(self._since) if now and self._since else TrafficCounts()
            self.evidence = replace(self.evidence, reading=now, window=window)

    def _read_counter(self) -> TrafficCounts | None:
        try:
            now = self._release.platform.counter.read()
        except TemporaryError as error:
            self._unread = str(error)
            return None
        if self._since is None:
            self._unread = "the counters were not read when the step began"
        return now


def _top_up(release: Release, wanted: TopUp) -> TrafficCounts:
    """Send requests of our own; what could not be sent has taught nothing."""
    load = release.platform.load
    try:
        return load.send(wanted, release.plan) if load else TrafficCounts()
    except TemporaryError as error:
        tell(release, release.state(), (Event(f"Top-up of {release.plan.key} failed: {error}", warning=True),))
        return TrafficCounts()


def read_counts(release: Release) -> TrafficCounts | None:
    """Read the traffic counters, None while they cannot be reached: that is no data, not a zero."""
    try:
        return release.platform.counter.read()
    except TemporaryError:
        return None


def checksum(revision: str) -> str:
    """Shorten a revision to the opaque mark that hooks get as `checksum`."""
    return hashlib.blake2s(revision.encode(), digest_size=5).hexdigest()


def call_hooks(release: Release, hook_type: HookType, revision: str) -> HookRound:
    """Call the hooks of one type in the order of the file until one decides (rollback: a yes, all others: a no)."""
    phase = release.state().phase
    told = phase if hook_type in {HookType.CONFIRM_ROLLOUT, HookType.ROLLBACK, HookType.POST_ROLLOUT} else None
    decides = hook_type is HookType.ROLLBACK
    passed: list[str] = []
    for hook in release.plan.analysis.hooks_of(hook_type):
        answer = release.platform.hooks.call(hook, _payload(release, hook, told or Phase.PROGRESSING, revision))
        if answer.passed is decides:
            return HookRound(passed=answer.passed, hook=hook.name, reason=answer.reason, passed_hooks=tuple(passed))
        passed.append(hook.name)
    return HookRound(passed=not decides, passed_hooks=tuple(passed))


def _payload(release: Release, hook: Hook, phase: Phase, revision: str) -> HookPayload:
    plan = release.plan
    return HookPayload(plan.name, plan.namespace, phase.value, checksum(revision), hook.metadata)


def _call_post_rollout(release: Release, state: RolloutState) -> None:
    answer = call_hooks(release, HookType.POST_ROLLOUT, state.revision)
    events = [Event(f"Post-rollout check {name} passed") for name in answer.passed_hooks]
    if not answer.passed:
        events.append(Event(f"Post-rollout hook {answer.hook} failed {answer.reason}", warning=True))
    tell(release, state, tuple(events))


def tell(release: Release, state: RolloutState, events: tuple[Event, ...]) -> None:
    """Show events where people look, alert whom they concern, and call the event hooks."""
    platform, plan = release.platform, release.plan
    for event in events:
        at = platform.clock.now()
        platform.events.emit(plan, event, at)
        if event.alert:
            platform.notifier.notify(plan, event.message, event.alert, plan.analysis.alerts)
        _call_event_hooks(release, state, event, at)


def _call_event_hooks(release: Release, state: RolloutState, event: Event, at: datetime) -> None:
    reserved = {
        "eventMessage": event.message,
        "eventType": "Warning" if event.warning else "Normal",
        "timestamp": str(int(at.timestamp() * 1000)),
    }
    for hook in release.plan.analysis.hooks_of(HookType.EVENT):
        marked = replace(hook, metadata={**hook.metadata, **reserved})
        release.platform.hooks.call(marked, _payload(release, marked, state.phase, state.revision))


def pace_of(decision: Decision, interval: timedelta) -> timedelta:
    """Tell how long to wait for the next tick: the interval, or less where nothing is being observed."""
    match decision.pace:
        case Pace.SOON:
            return min(interval, timedelta(milliseconds=500))
        case Pace.INTERVAL:
            return interval
        case Pace.DONE:  # pragma: no branch - mypy proves it is the last
            return timedelta()
