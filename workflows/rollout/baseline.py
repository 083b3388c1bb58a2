"""Remember how the primary does: its share of errors, its latency buckets, how clustered its events are.

It serves the health evidence, the guard's limit, the choice of latency streams and the tempering; the comparison needs
none of it. The one rule to keep: nothing here ever looks at the canary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from workflows.rollout.dispersion import Dispersion
from workflows.rollout.samples import ArmCounts
from workflows.rollout.tally import MOST, Tally, clean, tally_errors, tally_slow

MAX_STREAMS = 5
MAX_BUCKETS = 40
LEAST_REQUESTS = 20
"""Fewer timed requests than this do not choose the latency streams."""

TYPICAL_SHARE = 0.6
"""Streams begin at the first bound that at most this share of the primary's requests exceed: about the median."""

RARE_SHARE = 0.001
"""Streams end at the first bound that fewer of them exceed: what is slower still is counted there too."""

TAIL_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Baseline:
    """Sum what the primary answered: errors, and requests slower than each bound in ms.

    `timed` counts the requests that have a latency, `slow` those slower than the bound of the same position.
    """

    answers: Tally = field(default_factory=Tally)
    timed: float = 0.0
    bounds: tuple[float, ...] = ()
    slow: tuple[float, ...] = ()
    error_dispersion: Dispersion = field(default_factory=Dispersion)
    slow_dispersion: Dispersion = field(default_factory=Dispersion)

    def error_share(self) -> float:
        """Estimate the primary's error share as (x + 1/2)/(n + 1), which is never 0 or 1."""
        return (self.answers.events + 0.5) / (self.answers.requests + 1)

    def slow_share(self, bound_ms: float) -> float:
        """Estimate the share of the primary's requests slower than a bound, in the same way."""
        known = dict(zip(self.bounds, self.slow, strict=True))
        return (known.get(bound_ms, 0.0) + 0.5) / (self.timed + 1)

    def streams(self) -> tuple[float, ...]:
        """Choose up to five bounds from the median up, each halving the share, to the first that is rarely exceeded."""
        chosen: list[tuple[float, float]] = []
        if self.timed < LEAST_REQUESTS:
            return ()
        for bound, slow in zip(self.bounds, self.slow, strict=True):
            share = slow / self.timed
            typical = share <= TYPICAL_SHARE and (not chosen or chosen[-1][1] >= RARE_SHARE)
            apart = not chosen or share <= chosen[-1][1] / 2
            if typical and apart and len(chosen) < MAX_STREAMS:
                chosen.append((bound, share))
        return tuple(bound for bound, _ in chosen)

    def slow_bound(self, limit_ms: float | None) -> float | None:
        """Give the bound above which a request is slow: the owner's limit, else where at most 5 % are slower.

        Where no bound is as high the last one serves, so that more counts as slow; None where none is measured.
        """
        if limit_ms is not None:
            fits = (bound for bound in self.bounds if bound >= limit_ms)
        else:
            ranked = zip(self.bounds, self.slow, strict=True)
            fits = (bound for bound, slow in ranked if slow <= TAIL_SHARE * self.timed)
        return next(fits, self.bounds[-1] if self.bounds else None)


def learn(baseline: Baseline, primary: ArmCounts, streams: Sequence[float]) -> Baseline:
    """Add one window of the primary, whole and by pods where the source has them."""
    pods = tuple(primary.parts.values())
    bounds = baseline.bounds or _finite_bounds(primary)
    tallies = [tally_slow(primary, bound) for bound in bounds]
    before = baseline.slow or (0.0,) * len(bounds)
    slow_by_pod = [[tally_slow(pod, bound) for pod in pods] for bound in streams]
    return Baseline(
        answers=baseline.answers.plus(tally_errors(primary)),
        timed=min(MOST, baseline.timed + (clean(primary.latency[-1][1]) if primary.latency else 0.0)),
        bounds=bounds,
        slow=tuple(min(MOST, old + new.events) for old, new in zip(before, tallies, strict=True)),
        error_dispersion=baseline.error_dispersion.plus([tally_errors(pod) for pod in pods]),
        slow_dispersion=baseline.slow_dispersion.plus_mean(slow_by_pod),
    )


def _finite_bounds(counts: ArmCounts) -> tuple[float, ...]:
    bounds = tuple(bound for bound, _ in counts.latency if 0 < bound < MOST)
    return bounds[:: -(-len(bounds) // MAX_BUCKETS) or 1]
