"""Say what the stages need from the world, in the fewest methods.

Every port has an adapter named `memory`, which ships and is the test double. An adapter wraps the errors of its
library: ConfigurationError when the user must mend something, TemporaryError when asking again may help.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from webhooks.protocol import HookPayload
from workflows.rollout.decision import TopUp
from workflows.rollout.order import Order
from workflows.rollout.plan import Alerting, Check, Hook, RolloutPlan, Severity
from workflows.rollout.samples import Measurement, TrafficCounts
from workflows.rollout.state import Event, RolloutState
from workflows.rollout.traffic import Arm, Readiness, Route


class Clock(Protocol):
    """Tell the time and let it pass."""

    def now(self) -> datetime:
        """Give the time, with its zone."""
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...


class TrafficRouter(Protocol):
    """Split user traffic between the arms."""

    def read(self) -> Route:
        """Give the split that is in force."""
        ...

    def shift(self, route: Route) -> None:
        """Put a split in force and return once it is; absolute, so doing it twice is doing it once."""
        ...


class Workload(Protocol):
    """Run the two versions."""

    def initialise(self) -> None:
        """Make the primary from the target if there is none; the target has its traffic until it is ready."""
        ...

    def revision(self) -> str:
        """Identify what the target asks for now; a change of it is a new release."""
        ...

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm can serve."""
        ...

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Give an arm its replicas, or none, without waiting for them; up is as many as the primary has."""
        ...

    def promote(self, revision: str) -> None:
        """Copy the target's template to the primary; refuse when the target is no longer at that revision."""
        ...


class TrafficCounter(Protocol):
    """Count user traffic, for the built-in checks."""

    def read(self) -> TrafficCounts:
        """Give both arms' counters since they began."""
        ...


class MetricSource(Protocol):
    """Answer queries, for all other checks."""

    def measure(self, check: Check, plan: RolloutPlan) -> Measurement:
        """Give the number a check's query or template yields now, or the gap in its place."""
        ...


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """Carry what one webhook answered: yes or no, its words, and how many attempts it took."""

    passed: bool
    reason: str
    attempts: int = 1


class HookCaller(Protocol):
    """Call webhooks."""

    def call(self, hook: Hook, payload: HookPayload) -> HookAnswer:
        """Call one hook with its time-outs and retries; a hook that cannot be reached has said no."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """Prove who owns a release; `fence` rises with every change of owner."""

    owner: str
    fence: int
    expires: datetime


class LoadMaker(Protocol):
    """Send requests of our own, marked as such, to both arms alike."""

    def send(self, wanted: TopUp, plan: RolloutPlan) -> TrafficCounts:
        """Ask both arms for the plan's path in turns and give what they answered; raises TemporaryError."""
        ...


class StateStore(Protocol):
    """Keep a release's state and who owns it; both are for one canary."""

    def load(self) -> RolloutState | None:
        """Give the state, None before the first."""
        ...

    def save(self, state: RolloutState, lease: Lease) -> None:
        """Keep the state; raises FencedError when another owner holds the release."""
        ...

    def acquire(self, owner: str, duration: timedelta, *, by_force: bool = False) -> Lease:
        """Become the owner or stay it, for `duration` from now; raises FencedError while another's lease runs.

        By force, the other owner is shut out.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give the release up; does nothing when another owner holds it."""
        ...

    def order(self, order: Order) -> None:
        """Keep what somebody orders, in place of the last order; needs no lease."""
        ...

    def ordered(self) -> Order | None:
        """Give the last order, None before the first."""
        ...


class EventSink(Protocol):
    """Show events where people look."""

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Show one event; never raises, a release does not fail for want of an audience."""
        ...


class Notifier(Protocol):
    """Tell people who do not look."""

    def notify(self, plan: RolloutPlan, message: str, severity: Severity, to: Sequence[Alerting]) -> None:
        """Send one message to those whose severity admits it; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """Hold one adapter for every port, for one canary; `load` is None where both arms cannot be reached by us."""

    clock: Clock
    router: TrafficRouter
    workload: Workload
    counter: TrafficCounter
    metrics: MetricSource
    hooks: HookCaller
    states: StateStore
    events: EventSink
    notifier: Notifier
    load: LoadMaker | None = None
