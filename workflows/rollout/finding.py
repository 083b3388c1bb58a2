"""Carry what the evidence judge finds at a look: scores, a verdict, and the case to go on with.

It stands apart from the case, which is a part of a release's state: the state knows no judge.
"""

import enum
from dataclasses import dataclass

from workflows.rollout.case import Case, Sight
from workflows.rollout.state import Verdict


class Signal(enum.Enum):
    """Name what the judge's evidence comes from."""

    ERRORS = "errors"
    LATENCY = "latency"
    GUARD = "absolute guard"


@dataclass(frozen=True, slots=True)
class Scores:
    """Carry the evidence of one look: each signal, their mean, and the excess error share behind the first.

    The mean of three scores is a score under any dependence between them, so no correction for several signals.
    """

    errors: float
    latency: float
    guard: float
    total: float
    excess: float

    @property
    def leading(self) -> Signal:
        """Tell which signal has most."""
        ranked = {Signal.ERRORS: self.errors, Signal.LATENCY: self.latency, Signal.GUARD: self.guard}
        return max(ranked, key=lambda signal: ranked[signal])


@dataclass(frozen=True, slots=True)
class Finding:
    """Carry what one look came to.

    PASSED: the canary may take the next rung, or be promoted from the last. FAILED: roll back now. INCONCLUSIVE: keep
    the weight and look again, for `obstacle` stands against the step; `stuck` says that the rung's time is up and that
    looking again will not help by itself: pause, alert or make load. `explanation.explain` says it all in a sentence.
    """

    case: Case
    verdict: Verdict
    scores: Scores
    sight: Sight
    obstacle: str = ""
    stuck: bool = False
