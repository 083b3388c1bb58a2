"""List the cells of the benchmark: which traffic, in which group, named by what is wrong with the canary.

Groups: "null" (a good version; a rollback is false), "clusters" (a good version whose errors come in fives), "5x" and
"50%" (errors), "latency" (x1.5, or a tail of 2 % at two seconds), "more" (shown beside, not in a figure).
"""

from dataclasses import dataclass

from workflows.foresight.traffic import Traffic, Version

WEIGHTS = (20, 40, 60, 80)
BASES = (0.001, 0.01, 0.03)
RATES = (1.0, 10.0, 100.0, 1000.0)
LOW_RATES = (0.02, 0.1, 0.3)
NEAR_LIMIT_MS = 118.0
"""The median at which a healthy p99 is 477 ms, close to the limit of 500 ms."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Name one kind of release: its group, what is special, the traffic."""

    group: str
    special: str
    traffic: Traffic

    @property
    def name(self) -> str:
        """Name the cell for people and for its seed."""
        return f"{self.special}, base {100 * self.traffic.primary.errors:g} %, {self.traffic.rps:g} rps"

    @property
    def excess_share(self) -> float:
        """Give how much larger the canary's error share is than the primary's."""
        return self.traffic.canary.errors - self.traffic.primary.errors


def _pair(group: str, special: str, base: float, rps: float, canary: Version) -> Cell:
    return Cell(group, special, Traffic(rps, Version(base), canary))


def list_good() -> list[Cell]:
    """List the good versions, without clusters."""
    cells = [_pair("null", "equal", base, rps, Version(base)) for base in BASES for rps in RATES]
    near = Version(0.001, NEAR_LIMIT_MS)
    cells += [Cell("null", "p99 near its limit", Traffic(rps, near, near)) for rps in RATES]
    same = Version(0.001)
    cells += [
        Cell("null", "shared incident 10 % for 180 s", Traffic(rps, same, same, incident=0.1, incident_s=180))
        for rps in RATES[1:]
    ]
    return cells + [_pair("null", "very low traffic", 0.001, rps, same) for rps in LOW_RATES]


def list_clustered() -> list[Cell]:
    """List the good versions whose errors come in clusters of five."""
    version = Version(0.01)
    return [Cell("clusters", "errors in fives", Traffic(rps, version, version, cluster=5)) for rps in RATES[1:]]


def list_failing() -> list[Cell]:
    """List the versions that fail more requests."""
    fivefold = [_pair("5x", "5x errors", base, rps, Version(5 * base)) for base in BASES for rps in RATES]
    half = [_pair("50%", "50 % errors", base, rps, Version(0.5)) for base in BASES for rps in RATES]
    return fivefold + half + [_pair("50%", "50 % errors", 0.001, rps, Version(0.5)) for rps in LOW_RATES]


def list_slow() -> list[Cell]:
    """List the versions that are slower."""
    kinds = (("latency x1.5", Version(0.001, 150.0)), ("a 2 % tail of 2 s", Version(0.001, tail=0.02)))
    return [_pair("latency", special, 0.001, rps, version) for special, version in kinds for rps in RATES[1:]]


def list_more() -> list[Cell]:
    """List what is shown beside the figures: late faults, a fast service that slows down, where the method loses."""
    late = [
        Cell("more", "20 % errors from 100 s on", Traffic(rps, Version(0.001), Version(0.2), fault_s=100))
        for rps in RATES[1:]
    ]
    quick = [
        Cell("more", "x5 of a 20 ms service", Traffic(rps, Version(0.001, 20.0), Version(0.001, 100.0)))
        for rps in RATES
    ]
    twice = [_pair("more", "2x errors", base, rps, Version(2 * base)) for base in BASES for rps in RATES[1:]]
    plus = [_pair("more", "+1 pp errors", base, rps, Version(base + 0.01)) for base in BASES for rps in RATES[1:]]
    slight = [_pair("more", "latency x1.1", 0.001, rps, Version(0.001, 110.0)) for rps in RATES[1:]]
    return late + quick + twice + plus + slight


def list_all() -> list[Cell]:
    """List every cell."""
    return list_good() + list_clustered() + list_failing() + list_slow() + list_more()
