"""Carry all that the evidence judge remembers of one release, and what it is shown at a look.

A case is a value: the judge returns the next one. A new revision is a new case (`Case.reopened`), which keeps only
what was learned of the primary.
"""

import enum
from dataclasses import dataclass, field

from workflows.rollout.baseline import Baseline
from workflows.rollout.comparison import Ledger
from workflows.rollout.guard import Guard
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.tally import Split


@dataclass(frozen=True, slots=True)
class Look:
    """Show the judge one window of user traffic, by pods where the source has them.

    `at_s` is the time of its end, `weight` the canary's percent in force during it. `sticky` says that users stay on
    their arm, so that the split seen need not be the split asked. `synthetic` says that these are requests of our own
    to both arms alike, which say nothing about the users' traffic.
    """

    at_s: float
    weight: int
    window: TrafficCounts
    sticky: bool = False
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Sum what both arms answered; `expected` are the errors the canary would have had at the primary's rate."""

    errors: Split = field(default_factory=Split)
    expected: float = 0.0
    slow: tuple[Split, ...] = ()

    @property
    def excess(self) -> float:
        """Give the canary's error share beyond the primary's, compared tick by tick."""
        canary = self.errors.canary
        return (canary.events - self.expected) / canary.requests if canary.requests else 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """Hold what was learned of the primary, the evidence for and against the canary, and where the climb stands.

    `health_slow` counts only where latency is measured. `rung_s` is how long the weight has been in force, `seen_s`
    and `baked_s` how long the canary answered meanwhile: at this weight, and in all. `traffic` is the usual number of
    requests of both arms in a tick, None before any. `climbed` counts the rungs taken.
    """

    baseline: Baseline = field(default_factory=Baseline)
    streams: tuple[float, ...] = ()
    errors: Ledger = field(default_factory=Ledger)
    latency: Ledger = field(default_factory=Ledger)
    guard: Guard = field(default_factory=Guard)
    health_errors: float = 0.0
    health_slow: float = 0.0
    whole: Totals = field(default_factory=Totals)
    rung: Totals = field(default_factory=Totals)
    weight: int = 0
    climbed: int = 0
    rung_s: float = 0.0
    seen_s: float = 0.0
    baked_s: float = 0.0
    traffic: float | None = None
    at_s: float | None = None

    def reopened(self) -> "Case":
        """Begin the case of another revision."""
        return Case(baseline=self.baseline, traffic=self.traffic, at_s=self.at_s)


class Sight(enum.Enum):
    """Name what a window allows the judge to see."""

    CLEAR = "both arms answered"
    ALONE = "the canary has all traffic, so only the absolute guard and the primary's history judge it"
    NO_PRIMARY = "the primary answered nothing, so the comparison rests"
    NO_CANARY = "no request reached the canary"
    DARK = "neither arm has data"
    LOPSIDED = "the split seen is far from the split asked, so the counts cannot be compared"

    @property
    def usable(self) -> bool:
        """Tell whether time spent so counts as time in which the canary was seen."""
        return self in {Sight.CLEAR, Sight.ALONE, Sight.NO_PRIMARY}
