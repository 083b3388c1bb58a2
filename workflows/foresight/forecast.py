"""Sum up many simulated releases: how often each kind of canary is promoted or stopped, how soon, at what cost."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from workflows.foresight.shares import Share
from workflows.foresight.simulation import Ending, Trial, simulate
from workflows.foresight.traffic import Traffic, Version
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Outcome

HALF = 0.5
SLOWER = 1.5


@dataclass(frozen=True, slots=True)
class Service:
    """Describe a service: requests per second, its share of failed ones, and its median latency in ms."""

    rps: float
    errors: float
    median_ms: float

    def against(self, canary: Version) -> Traffic:
        """Give the service's traffic with a canary beside it."""
        return Traffic(self.rps, Version(self.errors, self.median_ms), canary)


@dataclass(frozen=True, slots=True)
class Kind:
    """Name one kind of canary; `good` ones should be promoted, all others stopped."""

    name: str
    version: Version
    good: bool = False


def list_kinds(service: Service) -> tuple[Kind, ...]:
    """List what may be wrong with a canary; multiples of no errors at all are left out."""
    errors, median = service.errors, service.median_ms
    kinds = [Kind("as good as the primary", Version(errors, median), good=True)]
    if errors:
        kinds += [Kind(f"{times}x errors", Version(min(1.0, times * errors), median)) for times in (2, 5)]
    return (
        *kinds,
        Kind("50 % errors", Version(HALF, median)),
        Kind(f"latency x{SLOWER:g}", Version(errors, SLOWER * median)),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """Sum up the releases of one kind of canary under one judge; times in seconds, requests as means of a release."""

    judge: str
    kind: Kind
    endings: tuple[Ending, ...]

    def share(self, outcome: Outcome) -> Share:
        """Tell how often the releases ended in one way."""
        return Share(sum(ending.outcome is outcome for ending in self.endings), len(self.endings))

    @property
    def median_s(self) -> float:
        """Give the time within which half of the releases ended."""
        return statistics.median(ending.seconds for ending in self.endings)

    @property
    def slow_s(self) -> float:
        """Give the time within which 95 of 100 releases ended."""
        times = sorted(ending.seconds for ending in self.endings)
        return times[min(len(times) - 1, int(0.95 * len(times)))]

    @property
    def requests(self) -> float:
        """Give how many requests met the canary."""
        return statistics.fmean(ending.requests for ending in self.endings)

    @property
    def failed(self) -> float:
        """Give how many of them failed."""
        return statistics.fmean(ending.failed for ending in self.endings)

    def stopped_by(self, seconds: float) -> float:
        """Tell the share of releases that had been rolled back after a time."""
        stopped = (e.outcome is not Outcome.PROMOTED and e.seconds <= seconds for e in self.endings)
        return sum(stopped) / len(self.endings)


def forecast(plan: RolloutPlan, service: Service, judges: Sequence[str], *, runs: int, seed: int) -> Iterator[Row]:
    """Simulate every kind of canary under every judge, so many runs each; rows come as they are done."""
    for judge, kind in product(judges, list_kinds(service)):
        traffic = service.against(kind.version)
        seeds = (f"{seed}/{judge}/{kind.name}/{number}" for number in range(runs))
        yield Row(judge, kind, tuple(simulate(Trial(plan, judge, traffic, each)) for each in seeds))
