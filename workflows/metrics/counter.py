"""Count user traffic by what a mesh or gateway tells Prometheus, for the built-in checks.

The rules to keep: counters, not rates, so that a tick is the difference of two readings; what cannot be read, or no
longer moves because nobody scrapes it, is an UnavailableError and not a zero; a tick that is shorter than the time
between two scrapes waits for the next one.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from workflows.errors import UnavailableError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.endpoint import Endpoint
from workflows.metrics.prometheus import Prometheus, Sample
from workflows.metrics.queries import PARTS, Queries, Revisions, write_queries
from workflows.metrics.series import Series, find_series
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.rollout.traffic import Arm

STALE_S = 120.0
"""Counters whose newest scrape is older than this stand still."""

NEWS_S = 60.0
"""How long a reading waits for a scrape that is newer than the last reading's."""

_POLL_S = 0.2
_OUTCOMES = MappingProxyType({"success": "2xx", "failure": "5xx"})


class PrometheusCounter:
    """Count the requests of both arms of one plan, pod by pod.

    `revisions` names the arms of a Knative service, asked for at each reading; other providers need none.
    """

    def __init__(
        self,
        where: Endpoint,
        plan: RolloutPlan,
        revisions: Callable[[], Revisions] = Revisions,
        *,
        news_s: float = NEWS_S,
    ) -> None:
        self._prometheus = Prometheus(where)
        self._endpoint = where
        self._plan = plan
        self._series = find_series(plan.provider)
        self._revisions = revisions
        self._news_s = news_s
        self._scraped, self._read_at = 0.0, -math.inf
        write_queries(self._series, plan, Revisions())

    def read(self) -> TrafficCounts:
        """Give both arms' counters since they began; raises UnavailableError when they cannot be told."""
        queries = write_queries(self._series, self._plan, self._revisions())
        try:
            newest = self._await_news(queries)
            requests = self._prometheus.series(queries.requests)
            buckets = self._prometheus.series(queries.buckets)
            counts = gather(self._series, queries, requests, buckets)
        except NoAnswerError as none:
            raise UnavailableError(self._endpoint.mask(f"{none.gap.value}: {none.detail}")) from none
        if requests:
            self._refuse_stale(newest)
        return counts

    def _await_news(self, queries: Queries) -> Sample | None:
        """Give the newest scrape, once there is one that the last reading did not hold.

        Only for a reading that begins a good part of a tick after the last one: it is to hold what happened since.
        """
        begun = time.monotonic()
        since_last = begun - self._read_at
        newest = self._ask_newest(queries)
        while (
            newest
            and newest.value <= self._scraped
            and since_last >= self._plan.analysis.interval.total_seconds() / 2
            and time.monotonic() < begun + self._news_s
        ):
            threading.Event().wait(_POLL_S)
            newest = self._ask_newest(queries)
        self._scraped, self._read_at = newest.value if newest else 0.0, time.monotonic()
        return newest

    def _ask_newest(self, queries: Queries) -> Sample | None:
        return next(iter(self._prometheus.series(queries.newest)), None)

    def _refuse_stale(self, newest: Sample | None) -> None:
        age_s = newest.at - newest.value if newest else math.inf
        if age_s > STALE_S:
            since = f"since {age_s:.0f} s" if newest else "any more"
            raise UnavailableError(
                f"{self._endpoint.address}: {self._series.requests} is not scraped {since}; look at Prometheus' targets"
            )


class _Tally:
    """Add up one pod's series."""

    def __init__(self) -> None:
        self._responses: dict[str, int] = {}
        self._latency: dict[float, int] = {}

    def answered(self, outcome: str, count: int) -> None:
        """Add requests of one response class."""
        self._responses[outcome] = self._responses.get(outcome, 0) + count

    def timed(self, bound_ms: float, count: int) -> None:
        """Add requests that took at most so long."""
        self._latency[bound_ms] = self._latency.get(bound_ms, 0) + count

    def counts(self) -> ArmCounts:
        """Give the sums; buckets without an unbounded one say nothing of the slowest and are left out."""
        latency = tuple(sorted(self._latency.items())) if math.inf in self._latency else ()
        return ArmCounts(MappingProxyType(self._responses), latency)


def gather(series: Series, queries: Queries, requests: Iterable[Sample], buckets: Iterable[Sample]) -> TrafficCounts:
    """Add up an answer's series by arm, pod, and response class or bucket."""
    arms: dict[Arm, dict[str, _Tally]] = {arm: {} for arm in Arm}
    for sample, pods in _assign(queries, requests, arms):
        tally = pods.setdefault(_name_part(sample), _Tally())
        tally.answered(_classify(sample.labels.get(series.code, "")), round(sample.value))
    for sample, pods in _assign(queries, buckets, arms):
        tally = pods.setdefault(_name_part(sample), _Tally())
        tally.timed(round(answers.read_number(sample.labels.get("le")) * series.unit_ms, 6), round(sample.value))
    return TrafficCounts(primary=_add(arms[Arm.PRIMARY]), canary=_add(arms[Arm.CANARY]))


def _assign(
    queries: Queries, samples: Iterable[Sample], arms: Mapping[Arm, dict[str, _Tally]]
) -> Iterator[tuple[Sample, dict[str, _Tally]]]:
    for sample in samples:
        arm = queries.arm(sample.labels)
        if arm is not None and math.isfinite(sample.value):
            yield sample, arms[arm]


def _add(pods: Mapping[str, _Tally]) -> ArmCounts:
    # Without a pod's name there is one sum, and nothing to tell apart.
    if set(pods) <= {""}:
        return pods[""].counts() if pods else ArmCounts()
    return ArmCounts.of_parts({name: tally.counts() for name, tally in sorted(pods.items())})


def _name_part(sample: Sample) -> str:
    return next((sample.labels[label] for label in PARTS if sample.labels.get(label)), "")


def _classify(outcome: str) -> str:
    # A mesh without a code for a request that was never answered writes 0, and so it stays apart from 5xx (Flagger).
    return _OUTCOMES.get(outcome) or (f"{outcome[0]}xx" if outcome[:1].isdigit() else "unknown")
