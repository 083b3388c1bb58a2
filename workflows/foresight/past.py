"""Let a release meet traffic of the past: at each step the canary gets its share of the requests that were served.

Each request goes to the canary by chance, as a mesh would send it, so both arms are equally good whatever happened:
who rolls back here would have rolled a good version back.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random

from workflows.foresight.sampling import draw_binomial
from workflows.metrics.history import Reading
from workflows.ports import Clock, TrafficRouter
from workflows.rollout.samples import ArmCounts, TrafficCounts, add
from workflows.rollout.traffic import ALL


class Past:
    """Hold what a service answered between the steps of a time that has passed."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._ends = [reading.at for reading in readings[1:]]
        self._windows = [_join(later.counts.since(earlier.counts)) for earlier, later in pairwise(readings)]

    @property
    def requests(self) -> int:
        """Count all requests."""
        return sum(window.total for window in self._windows)

    def between(self, start: float, end: float) -> Sequence[ArmCounts]:
        """Give the windows that ended after a time and until another (Unix seconds)."""
        return self._windows[bisect_right(self._ends, start) : bisect_right(self._ends, end)]

    def covers(self, at: float) -> bool:
        """Tell whether a time lies before the last step."""
        return bool(self._ends) and at <= self._ends[-1]


def _join(window: TrafficCounts) -> ArmCounts:
    return add((window.primary, window.canary))


class PastCounter:
    """Count the requests of the past as the clock runs from `start` on, split as the router says."""

    def __init__(self, clock: Clock, router: TrafficRouter, past: Past, start: float, random: Random) -> None:
        self._clock, self._router, self._past, self._random = clock, router, past, random
        self._shift = start - clock.now().timestamp()
        self._seen = start
        self.counts = TrafficCounts()

    @property
    def exhausted(self) -> bool:
        """Tell whether the release went on for longer than there is a past."""
        return not self._past.covers(self._seen)

    def read(self) -> TrafficCounts:
        """Give both arms' counters since the start."""
        now = self._clock.now().timestamp() + self._shift
        share = self._router.read().canary_percent / ALL
        for window in self._past.between(self._seen, now):
            taken = thin(self._random, window, share)
            left = _take_away(window, taken)
            self.counts = TrafficCounts(add((self.counts.primary, left)), add((self.counts.canary, taken)))
        self._seen = now
        return self.counts


def thin(random: Random, window: ArmCounts, share: float) -> ArmCounts:
    """Draw the part of a window's requests that goes to an arm with this share of the traffic."""
    responses = {name: draw_binomial(random, count, share) for name, count in window.responses.items()}
    total, below = 0, 0
    latency = []
    for bound, count in window.latency:
        total += draw_binomial(random, count - below, share)
        below = count
        latency.append((bound, total))
    return ArmCounts(responses, tuple(latency))


def _take_away(window: ArmCounts, taken: ArmCounts) -> ArmCounts:
    responses: Mapping[str, int] = {name: count - taken.responses[name] for name, count in window.responses.items()}
    pairs = zip(window.latency, taken.latency, strict=True)
    return ArmCounts(responses, tuple((bound, count - less) for (bound, count), (_, less) in pairs))
