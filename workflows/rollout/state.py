"""Carry where a release stands: all that must survive a crash, and nothing that can be read from the platform."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from workflows.rollout.case import Case
from workflows.rollout.order import Order
from workflows.rollout.phase import UNDER_WAY, Phase
from workflows.rollout.plan import Severity
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.traffic import Readiness, Route


class Outcome(enum.Enum):
    """Name how a release ended."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Cause(enum.Enum):
    """Name what ended a release; the exit code follows from it."""

    PROMOTED = "promoted"
    CHECKS = "failed checks threshold reached"
    EVIDENCE = "evidence of harm"
    NO_DATA = "no data to judge by"
    HOOK = "manual webhook invoked"
    REFUSED = "refused by a gate"
    NOT_READY = "canary not ready"
    PRIMARY_NOT_READY = "primary not ready"
    ABORTED = "aborted"

    @property
    def outcome(self) -> Outcome:
        """Tell how a release that this ended is reported."""
        match self:
            case Cause.PROMOTED:
                return Outcome.PROMOTED
            case Cause.NOT_READY | Cause.PRIMARY_NOT_READY:
                return Outcome.FAILED
            case (
                Cause.CHECKS | Cause.EVIDENCE | Cause.NO_DATA | Cause.HOOK | Cause.REFUSED | Cause.ABORTED
            ):  # pragma: no branch - mypy proves it is the last
                return Outcome.ROLLED_BACK


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Hold the machine's memory between two ticks.

    `revision` is the one analysed last, `promoted_revision` the one the primary has. `inconclusive_checks` are those
    among `failed_checks` that failed for want of data. `held_since` is since when an approval has been missing,
    `blind_since` since when checks that hold without data have had none. `route` is the split we asked for last,
    `counts` the reading of the traffic counters at which the window that is being observed began. `case` is
    what the evidence judge remembers, None before its first look. `halt` is what the last check said that did not pass.
    `paused` says by whom the weight is held, empty when nobody holds it; `heeded` names the last order that was heeded.
    """

    phase: Phase = Phase.INITIALIZING
    weight: int = 0
    iterations: int = 0
    failed_checks: int = 0
    inconclusive_checks: int = 0
    revision: str = ""
    promoted_revision: str = ""
    phase_since: datetime | None = None
    held_since: datetime | None = None
    blind_since: datetime | None = None
    route: Route = field(default_factory=Route)
    counts: TrafficCounts | None = None
    case: Case | None = None
    cause: Cause | None = None
    reason: str = ""
    halt: str = ""
    paused: str = ""
    heeded: str = ""

    @property
    def under_way(self) -> bool:
        """Tell whether a release is going on."""
        return self.phase in UNDER_WAY

    @property
    def condemned(self) -> Cause | None:
        """Tell why this release is to be rolled back, when that was decided but not yet done."""
        return self.cause if self.under_way else None

    @property
    def started(self) -> bool:
        """Tell whether this analysis has moved or mirrored any traffic yet."""
        return self.weight > 0 or self.iterations > 0 or self.route.mirrored


@dataclass(frozen=True, slots=True)
class World:
    """Hold what one look at the platform showed, and what was ordered last."""

    now: datetime
    revision: str
    primary: Readiness
    canary: Readiness
    route: Route
    order: Order | None = None


class Verdict(enum.Enum):
    """Name what a judge can say."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Carry one check's verdict with the number, its limit and the reason; `value` is None without data."""

    name: str
    verdict: Verdict
    value: float | None
    limit: str
    reason: str


@dataclass(frozen=True, slots=True)
class HookRound:
    """Carry what the hooks of one type said together: the first that decided, and its words."""

    passed: bool
    hook: str = ""
    reason: str = ""
    passed_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Say in Flagger's words what happened; `alert` is the severity under which people are told, None is not at all."""

    message: str
    warning: bool = False
    alert: Severity | None = None
    metadata: Mapping[str, str] | None = None
