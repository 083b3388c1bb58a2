"""Say how far a share that was counted in a few runs can be trusted."""

import math
from dataclasses import dataclass

_Z = 1.959964
"""The normal quantile of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """Hold how often something happened in how many runs, at least one."""

    count: int
    runs: int

    @property
    def value(self) -> float:
        """Give the share, from 0 to 1."""
        return self.count / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        """Give the interval that holds the true share in 95 of 100 cases (Wilson 1927)."""
        shrink = 1 + _Z * _Z / self.runs
        middle = (self.value + _Z * _Z / (2 * self.runs)) / shrink
        reach = _Z / shrink * math.sqrt(self.value * (1 - self.value) / self.runs + (_Z / (2 * self.runs)) ** 2)
        return (max(0.0, middle - reach), min(1.0, middle + reach))

    def __str__(self) -> str:
        """Write the share in percent with its interval: `4 % (2 to 10)`."""
        low, high = self.interval
        return f"{100 * self.value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
