"""Read how both arms were used in the past, from a Prometheus that was there."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.errors import UnavailableError
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.counter import gather
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.prometheus import Prometheus, Sample, Span
from workflows.metrics.queries import Revisions, write_queries
from workflows.metrics.series import find_series
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import TrafficCounts

_STEPS_AT_ONCE = 120
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Carry what both arms' counters showed at a time (Unix seconds)."""

    at: float
    counts: TrafficCounts


def read_history(where: Endpoint, plan: RolloutPlan, span: Span) -> tuple[Reading, ...]:
    """Give the counters at each step of a span at which there were any; raises UnavailableError without an answer."""
    try:
        return tuple(reading for part in _cut(span) for reading in _read_part(where, plan, part))
    except NoAnswerError as none:
        raise UnavailableError(where.mask(f"{none.gap.value}: {none.detail}")) from none


def _cut(span: Span) -> Iterator[Span]:
    """Cut a span into parts whose answers stay small."""
    start, length = span.start, _STEPS_AT_ONCE * span.step_s
    while start <= span.end:
        yield Span(start, min(span.end, start + length - span.step_s), span.step_s)
        start += length


def _read_part(where: Endpoint, plan: RolloutPlan, span: Span) -> Iterator[Reading]:
    series = find_series(plan.provider)
    queries = write_queries(series, plan, Revisions())
    prometheus = Prometheus(where, timeout_s=_TIMEOUT_S)
    requests = _by_time(prometheus.past(queries.requests, span))
    buckets = _by_time(prometheus.past(queries.buckets, span))
    for at in sorted(requests):
        yield Reading(at, gather(series, queries, requests[at], buckets.get(at, [])))


def _by_time(samples: tuple[Sample, ...]) -> dict[float, list[Sample]]:
    found: dict[float, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.at].append(sample)
    return found
