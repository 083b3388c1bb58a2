"""Carry what the store keeps of releases: where each stands, what was reported of it, and its journal.

Values only; `webhooks.releases` says how they come about. Times are unix seconds. The one rule to keep: what is not
known is None or empty, never zero.
"""

import enum
from dataclasses import dataclass, field

from webhooks.store.records import CanaryName

MOST_REPORTS = 10_000
"""How many reports of a release are kept; the oldest go first."""


class Teller(enum.Enum):
    """Name who told of a release: the loop that drives it, or only the hooks that a controller called."""

    LOOP = "loop"
    HOOKS = "hooks"


class Ending(enum.Enum):
    """Name how a release ended; unknown is one of which nobody told the end."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Opinion(enum.Enum):
    """Name what a check, or all of them together, came to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class ReportKind(enum.Enum):
    """Name what a report is about: a decision of the loop, an event, or only what the traffic looked like."""

    DECISION = "decision"
    EVENT = "event"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """Carry what a release set out to do; `title` names it for people where the revisions say little.

    The limits are those of the success rate (percent) and of the p99 (milliseconds), None where there is none.
    """

    title: str = ""
    revision: str = ""
    previous: str = ""
    strategy: str = ""
    judge: str = ""
    weights: tuple[int, ...] = ()
    threshold: int | None = None
    interval_s: float | None = None
    minimum_success_percent: float | None = None
    maximum_p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Carry where one release of a canary stands.

    `decided` is the sequence of the report by which phase, weight, failed checks and reason are known, `sequence` the
    highest of all reports. `ended_at` is 0 while it is under way. `heard_at` is when anything was last heard of it,
    `lost` how many reports never came.
    """

    canary: CanaryName
    id: str
    began_at: float
    heard_at: float
    teller: Teller = Teller.LOOP
    plan: ReleasePlan = field(default_factory=ReleasePlan)
    phase: str = ""
    weight: int | None = None
    failed_checks: int | None = None
    reason: str = ""
    ending: Ending | None = None
    ended_at: float = 0.0
    decided: int = 0
    sequence: int = 0
    lost: int = 0

    @property
    def under_way(self) -> bool:
        """Tell whether its end has not been told."""
        return self.ended_at == 0.0

    @property
    def place(self) -> tuple[int, float, str, str, str]:
        """Give its place in lists: what is under way stands first, then the newest."""
        return (int(self.under_way), self.began_at, self.canary.namespace, self.canary.name, self.id)


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Carry how one arm answered its users for a while; None is not known."""

    success_percent: float | None = None
    p99_ms: float | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class CheckFigure:
    """Carry what one check came to: the number, its limit and the reason in words."""

    name: str
    verdict: Opinion
    value: float | None = None
    limit: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Carry one thing that was told of a release; `sequence` orders them and tells a report that came before."""

    sequence: int
    at: float
    kind: ReportKind
    text: str = ""
    warning: bool = False
    phase: str = ""
    weight: int | None = None
    failed_checks: int | None = None
    verdict: Opinion | None = None
    checks: tuple[CheckFigure, ...] = ()
    primary: ArmFigures = ArmFigures()
    canary: ArmFigures = ArmFigures()
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class ReleaseQuery:
    """Say which releases a page is about; `before` is the place of the last one of the page before."""

    namespace: str = ""
    canary: CanaryName | None = None
    before: tuple[int, float, str, str, str] | None = None
    limit: int = 50
