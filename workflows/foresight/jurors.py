"""Ask a plan's judge about one window after another, without a release around it that acts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.rollout import evidence, explanation, gates, trial
from workflows.rollout.case import Case, Look
from workflows.rollout.plan import NoDataPolicy, RolloutPlan
from workflows.rollout.samples import Measurement, TrafficCounts
from workflows.rollout.state import Verdict
from workflows.rollout.terms import Terms
from workflows.rollout.traffic import Route


@dataclass(frozen=True, slots=True)
class Sighting:
    """Hold what one window showed: when it ended, the split in force, both arms' counts, and the answers to queries."""

    at: datetime
    route: Route
    window: TrafficCounts
    measurements: Mapping[str, Measurement]


@dataclass(frozen=True, slots=True)
class Opinion:
    """Say what a judge makes of a window: its verdict and words, and whether it would stop the release now."""

    verdict: Verdict
    said: str
    stops: bool = False


Juror = Callable[[Sighting], Opinion]
"""Look at the next window of one analysis."""


def summon(plan: RolloutPlan) -> Juror:
    """Give the judge of a plan, at the beginning of an analysis."""
    terms = trial.write_terms(plan)
    return _Evidence(terms) if terms else _Thresholds(plan)


class _Evidence:
    """Weigh windows as the evidence judge does."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._case = Case()

    def __call__(self, seen: Sighting) -> Opinion:
        look = Look(seen.at.timestamp(), seen.route.canary_percent, seen.window, sticky=seen.route.sticky)
        finding = evidence.observe(self._terms, self._case, look)
        self._case = finding.case
        said = explanation.explain(self._terms, finding)
        return Opinion(finding.verdict, said, stops=finding.verdict is Verdict.FAILED)


class _Thresholds:
    """Count failed checks as the machine does."""

    def __init__(self, plan: RolloutPlan) -> None:
        self._plan = plan
        self._failed = 0

    def __call__(self, seen: Sighting) -> Opinion:
        plan = self._plan
        checks = [check for check in plan.analysis.checks if check.built_in or check.name in seen.measurements]
        results = gates.judge(checks, seen.window.canary, seen.measurements)
        verdict = gates.combine(results)
        blind = verdict is Verdict.INCONCLUSIVE and plan.no_data is NoDataPolicy.HOLD
        self._failed += verdict is not Verdict.PASSED and not blind
        return Opinion(verdict, gates.explain(results, verdict), stops=self._failed >= plan.analysis.threshold)
