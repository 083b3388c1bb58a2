"""Look back at how both arms of a canary were used while a release of it went on, for the pages that show it.

The rules to keep: no question lasts longer than its deadline; what cannot be known is None, never a guess.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from webhooks.releases import Measured, MeasuredPoint
from webhooks.store.releases import ArmFigures
from workflows import canary
from workflows.canary.loads import with_counted_load
from workflows.cluster.client import Cluster
from workflows.cluster.guard import find_canary
from workflows.errors import ConfigurationError, TemporaryError
from workflows.metrics import endpoint
from workflows.metrics.cluster import read_revisions
from workflows.metrics.history import Reading, look_back
from workflows.metrics.lens import look_by_names
from workflows.metrics.prometheus import Span
from workflows.rollout.plan import DURATION, SUCCESS_RATE, Limits, RolloutPlan
from workflows.rollout.samples import ArmCounts

_log = logging.getLogger("penstock.web")
_TIMEOUT_S = 1.0  # there are two questions, which end within two seconds
_MOST_STEPS = 100
_SHORTEST_S = 5.0
_KNATIVE = "knative"
_P99 = 0.99


@dataclass(frozen=True, slots=True)
class Hindsight:
    """Hold the Prometheus that has counted, and the cluster that has the Canary."""

    prometheus: str
    cluster: Cluster

    def measure(self, namespace: str, name: str, began: float, ended: float) -> Measured | None:
        """Give what was measured between two times (Unix seconds), None where that cannot be known now."""
        try:
            plan = self._find_plan(namespace, name)
            return None if plan is None else self._look(plan, began, ended)
        except (ConfigurationError, TemporaryError) as error:
            _log.info("nothing is measured of %s.%s: %s", name, namespace, error)
            return None

    def _find_plan(self, namespace: str, name: str) -> RolloutPlan | None:
        found = find_canary(self.cluster, namespace, name)
        if found is None:
            return None
        described = {key: found.get(key) for key in ("apiVersion", "kind", "metadata", "spec")}
        return with_counted_load(canary.parse(json.dumps(described), f"canary/{name} -n {namespace}"))

    def _look(self, plan: RolloutPlan, began: float, ended: float) -> Measured:
        revisions = read_revisions(self.cluster, plan) if plan.provider == _KNATIVE else None
        span = choose_span(plan, began, ended)
        where = endpoint.at("prometheus", self.prometheus)
        readings = look_back(where, look_by_names(plan, revisions), span, _TIMEOUT_S)
        points = tuple(point for point in compare(readings, span.step_s) if point.at <= ended)
        return Measured(points, _limits(plan, SUCCESS_RATE).minimum, _limits(plan, DURATION).maximum)


def choose_span(plan: RolloutPlan, began: float, ended: float) -> Span:
    """Look once in each interval of the analysis, more seldom where that were too often.

    Looks lie at whole steps, so that who asks again gets the same points and more.
    """
    step = max(_SHORTEST_S, plan.analysis.interval.total_seconds())
    while (ended - began) / step > _MOST_STEPS:
        step *= 2
    return Span((math.floor(began / step) - 1) * step, ended, step)


def compare(readings: Sequence[Reading], step_s: float) -> Iterator[MeasuredPoint]:
    """Give how the arms answered between each look and the next; what lies apart is a gap."""
    for before, after in pairwise(readings):
        if after.at - before.at < 1.5 * step_s:
            since = after.counts.since(before.counts)
            yield MeasuredPoint(after.at, _figures(since.primary), _figures(since.canary))


def _figures(counts: ArmCounts) -> ArmFigures:
    p99 = counts.quantile_ms(_P99)
    return ArmFigures(counts.success_percent(), p99 if p99 is not None and math.isfinite(p99) else None, counts.total)


def _limits(plan: RolloutPlan, name: str) -> Limits:
    return next((check.limits for check in plan.analysis.checks if check.name == name), Limits())
