"""Read how both arms were used in the past, from a Prometheus that was there."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.errors import UnavailableError
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.counter import gather
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.lens import Lens, look_by_names
from workflows.metrics.prometheus import Prometheus, Sample, Span
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
    return look_back(where, look_by_names(plan), span, _TIMEOUT_S)


def look_back(where: Endpoint, lens: Lens, span: Span, timeout_s: float) -> tuple[Reading, ...]:
    """Give the counters as a lens shows them; each query may take as long as `timeout_s`."""
    prometheus = Prometheus(where, timeout_s=timeout_s)
    try:
        return tuple(reading for part in _cut(span) for reading in _read_part(prometheus, lens, part))
    except NoAnswerError as none:
        raise UnavailableError(where.mask(f"{none.gap.value}: {none.detail}")) from none


def _cut(span: Span) -> Iterator[Span]:
    """Cut a span into parts whose answers stay small."""
    start, length = span.start, _STEPS_AT_ONCE * span.step_s
    while start <= span.end:
        yield Span(start, min(span.end, start + length - span.step_s), span.step_s)
        start += length


def _read_part(prometheus: Prometheus, lens: Lens, span: Span) -> Iterator[Reading]:
    requests = _by_time(prometheus.past(lens.queries.requests, span))
    buckets = _by_time(prometheus.past(lens.queries.buckets, span))
    for at in sorted(requests):
        yield Reading(at, gather(lens.series, lens.queries, requests[at], buckets.get(at, [])))


def _by_time(samples: tuple[Sample, ...]) -> dict[float, list[Sample]]:
    found: dict[float, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.at].append(sample)
    return found
