"""Compare the canary's answers with the primary's: how much worse, and how sure that is.

Intervals are 95 %: Wilson's for an error share, order statistics for a quantile, and MOVER (Newcombe 1998; Zou and
Donner 2008) for the difference of two. The one rule to keep: a difference is a fault only when its whole interval is
beyond the tolerance; an estimate beyond it that could be chance is inconclusive.
"""

import math
from dataclasses import dataclass

from loadtester.report import Histogram, LoadReport
from loadtester.verdict.judgement import LoadOutcome

_Z = 1.959964
_QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold a number and the interval it lies in."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold one measure of both arms, and canary minus primary with its interval; errors in shares, times in ms."""

    measure: str
    canary: float
    primary: float
    difference: Estimate
    tolerance: float
    outcome: LoadOutcome

    @property
    def reason(self) -> str:
        """Say it in one line."""
        low, high = self.difference.low, self.difference.high
        return (
            f"{self.measure}: canary {self.canary:.4g}, primary {self.primary:.4g}, "
            f"difference {self.difference.value:+.4g} ({low:+.4g} to {high:+.4g}), tolerated {self.tolerance:.4g}"
        )

    def to_dict(self) -> dict[str, object]:
        """Write it as JSON values."""
        return {
            "measure": self.measure,
            "canary": self.canary,
            "primary": self.primary,
            "difference": self.difference.value,
            "low": self.difference.low,
            "high": self.difference.high,
            "tolerance": self.tolerance,
            "outcome": self.outcome.value,
        }


def compare(
    canary: LoadReport, primary: LoadReport, *, error_tolerance: float = 0.01, latency_tolerance: float = 0.1
) -> tuple[Difference, ...]:
    """Compare error share and p50, p95, p99; tolerances are a share of requests and a share of the primary's time.

    Gives nothing when an arm has no requests.
    """
    one, other = canary.total, primary.total
    if not one.requests or not other.requests:
        return ()
    errors = _difference(wilson(one.failures, one.requests), wilson(other.failures, other.requests))
    first = _judged("error share", errors, error_tolerance)
    latencies = (
        _judged(f"p{share * 100:g} ms", _quantiles(share, one.response, other.response), latency_tolerance, scaled=True)
        for share in _QUANTILES
    )
    return (first, *latencies)


def _quantiles(share: float, one: Histogram, other: Histogram) -> tuple[Estimate, Estimate, Estimate]:
    return _difference(quantile(share, one), quantile(share, other))


def wilson(successes: int, count: int) -> Estimate:
    """Give a share and Wilson's interval for it."""
    share = successes / count
    centre = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    spread = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return Estimate(share, max(centre - spread, 0.0), min(centre + spread, 1.0))


def quantile(share: float, histogram: Histogram) -> Estimate:
    """Give a quantile in ms and the interval that its order statistics span."""
    count = histogram.count
    spread = _Z * math.sqrt(share * (1 - share) / count)
    low, value, high = (histogram.percentile_ms(min(max(at, 0.0), 1.0)) or 0.0 for at in _around(share, spread))
    if share + spread >= 1.0:
        high = max(high, 2 * value)
    return Estimate(value, low, high)


def _around(share: float, spread: float) -> tuple[float, float, float]:
    return share - spread, share, share + spread


def _difference(one: Estimate, other: Estimate) -> tuple[Estimate, Estimate, Estimate]:
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return one, other, Estimate(value, low, high)


def _judged(
    measure: str, arms: tuple[Estimate, Estimate, Estimate], tolerance: float, *, scaled: bool = False
) -> Difference:
    one, other, difference = arms
    limit = tolerance * other.value if scaled else tolerance
    if difference.low > limit:
        outcome = LoadOutcome.FAILED
    elif difference.value > limit:
        outcome = LoadOutcome.INCONCLUSIVE
    else:
        outcome = LoadOutcome.PASSED
    return Difference(measure, one.value, other.value, difference, limit, outcome)
