"""Measure how unevenly events fall on the pods of one arm: retries and batches come in clusters.

Source: Pearson's chi-square over its degrees of freedom, the usual estimate of a design effect. Only pods within one
tick are compared, so that a base rate which moves with time does not count. Unit: none, 1 is independent requests.
Assumption: a cluster meets one pod, and the primary's pods are alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workflows.rollout.tally import Tally

MOST_EFFECT = 1e4
"""Tempering by more than this leaves no evidence anyway."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Sum the chi-squares of all ticks and their degrees of freedom (pods less one)."""

    chi_square: float = 0.0
    freedom: float = 0.0

    @property
    def design_effect(self) -> float:
        """Give phi >= 1: chi2/df less two standard errors sqrt(2/df), so that chance does not temper; 1 if unknown."""
        if self.freedom <= 0:
            return 1.0
        effect = self.chi_square / self.freedom - 2 * math.sqrt(2 / self.freedom)
        return min(MOST_EFFECT, max(1.0, effect))

    def plus(self, pods: Sequence[Tally]) -> "Dispersion":
        """Add one tick: chi2 = sum (x_i - n_i p)^2 / (n_i p (1-p)) * (N-1)/N, p = x/N, over pods that answered."""
        serving = [pod for pod in pods if pod.requests > 0]
        requests = sum(pod.requests for pod in serving)
        share = sum(pod.events for pod in serving) / requests if requests else 0.0
        if len(serving) < 2 or requests <= 1 or not 0 < share < 1:  # noqa: PLR2004 - one pod cannot differ from itself
            return self
        square = sum((pod.events - pod.requests * share) ** 2 / pod.requests for pod in serving)
        chi_square = square / (share * (1 - share)) * (requests - 1) / requests
        return Dispersion(self.chi_square + chi_square, self.freedom + len(serving) - 1)

    def plus_mean(self, streams: Sequence[Sequence[Tally]]) -> "Dispersion":
        """Add one tick's mean over several streams of the same requests, which count once: they move together."""
        ticks = [tick for stream in streams if (tick := Dispersion().plus(stream)).freedom]
        if not ticks:
            return self
        chi_square = sum(tick.chi_square for tick in ticks) / len(ticks)
        return Dispersion(self.chi_square + chi_square, self.freedom + ticks[0].freedom)
