"""Carry the verdict that is given: passed, failed or inconclusive, a score, and the reasons with their numbers.

The rule to keep: what is not known is null. A score of 0 or 100 is always somebody's finding, never want of data.
"""

import math
from dataclasses import dataclass

from workflows.rollout.phase import Phase
from workflows.rollout.state import CheckResult, Verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """Hold a verdict; `score` is 0 to 100 or None where there is none, `phase` that of the release if it was asked for.

    `final` is False where asking again may give another one: a release is under way, or metrics were too few.
    """

    verdict: Verdict
    score: float | None
    reason: str
    metrics: tuple[CheckResult, ...] = ()
    phase: Phase | None = None
    final: bool = True

    def describe(self) -> dict[str, object]:
        """Write the verdict in JSON's own types."""
        return {
            "ok": self.verdict is Verdict.PASSED,
            "verdict": self.verdict.value,
            "score": None if self.score is None else round(self.score, 1),
            "reason": self.reason,
            "metrics": {each.name: _describe_metric(each) for each in self.metrics},
            "phase": self.phase.value if self.phase else None,
            "final": self.final,
        }


def _describe_metric(result: CheckResult) -> dict[str, object]:
    # JSON has no infinity; the reason says what was above every bound.
    finite = result.value is not None and math.isfinite(result.value)
    return {
        "verdict": result.verdict.value,
        "value": result.value if finite else None,
        "limit": result.limit,
        "reason": result.reason,
    }
