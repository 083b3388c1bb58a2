"""Reduce what an arm answered to the two numbers every test needs: requests, and how many of them were events.

An event is an answer of class 5xx, or one slower than a bucket's bound. The one rule to keep: whatever a source
reports becomes finite, at least zero, and never more events than requests; a number that is none counts as no data.
"""

import math
from dataclasses import dataclass, field

from workflows.rollout.samples import ArmCounts

MOST, LEAST = 1e12, 1e-6
"""A count beyond the first is cut, so that no sum overflows; one below the second is none."""


def clean(count: float) -> float:
    """Make a count usable: finite, not negative, bounded; NaN, infinite, negative and vanishing ones are 0."""
    return float(min(count, MOST)) if LEAST < count < math.inf else 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Count the requests of one arm and the events among them; fractions are taken as they are."""

    requests: float = 0.0
    events: float = 0.0

    @property
    def share(self) -> float:
        """Give the share of events, 0 without requests."""
        return self.events / self.requests if self.requests else 0.0

    def plus(self, other: "Tally") -> "Tally":
        """Add another window of the same arm."""
        return Tally(min(MOST, self.requests + other.requests), min(MOST, self.events + other.events))


@dataclass(frozen=True, slots=True)
class Split:
    """Hold both arms' tallies of the same window."""

    canary: Tally = field(default_factory=Tally)
    primary: Tally = field(default_factory=Tally)

    @property
    def requests(self) -> float:
        """Count the requests of both arms."""
        return self.canary.requests + self.primary.requests

    @property
    def canary_share(self) -> float:
        """Give the canary's share of the requests, 0 without any."""
        return self.canary.requests / self.requests if self.requests else 0.0

    def plus(self, other: "Split") -> "Split":
        """Add another window of both arms."""
        return Split(self.canary.plus(other.canary), self.primary.plus(other.primary))


def tally_errors(counts: ArmCounts) -> Tally:
    """Tally the answers of class 5xx among all answers."""
    requests = clean(counts.total)
    return Tally(requests, min(requests, clean(counts.errors)))


def tally_slow(counts: ArmCounts, bound_ms: float) -> Tally:
    """Tally the answers slower than a bucket's bound in ms; empty where the source has no such bucket."""
    fast = next((count for bound, count in counts.latency if bound == bound_ms), None)
    if fast is None:
        return Tally()
    requests = clean(counts.latency[-1][1])
    return Tally(requests, max(0.0, requests - clean(fast)))
