"""Show where the releases of a cluster stand to Prometheus, under Flagger's names and our own.

What is shown is read from the records in the cluster when Prometheus asks, so that whoever watches can show it. Ends of
releases are counted as they are seen: one counter for each watchdog, from its start on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import metadata

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workflows import canary
from workflows.cluster.client import Cluster
from workflows.errors import ConfigurationError, PenstockError
from workflows.rollout.phase import Phase
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.state import Outcome, RolloutState
from workflows.rollout.traffic import ALL
from workflows.rollout.trial import write_terms
from workflows.rollout.verdicts import weigh
from workflows.states.kubernetes import Kept, list_kept

_PROGRESSING, _WELL, _FAILED = 0, 1, 2
"""The values of `flagger_canary_status` (Flagger: every phase but Progressing and Failed is 1)."""


@dataclass(frozen=True, slots=True)
class _Seen:
    plan: RolloutPlan
    state: RolloutState

    @property
    def labels(self) -> tuple[str, str]:
        return (self.plan.target.name, self.plan.namespace)

    @property
    def kind(self) -> tuple[str, str, str, str]:
        skipped = "skipped" if self.plan.skip_analysis else "completed"
        return (*self.labels, self.plan.strategy.value, skipped)

    @property
    def ending(self) -> tuple[str, str, str, str] | None:
        return self.kind if self.state.cause is not None and not self.state.under_way else None


@lru_cache(maxsize=1024)
def _read_plan(source: str) -> RolloutPlan | None:
    try:
        return canary.parse(source, "the record of a release")
    except ConfigurationError:
        return None


@dataclass(slots=True, eq=False)
class ReleaseCollector(Collector):
    """Read the releases of some namespaces (of all, if there are none) each time it is asked."""

    cluster: Cluster
    namespaces: Sequence[str] = ()
    _ended: dict[str, str] = field(default_factory=dict)
    _counts: dict[tuple[bool, tuple[str, str, str, str]], int] = field(default_factory=dict)

    def collect(self) -> Iterator[Metric]:
        """Give all families; a cluster that cannot be reached leaves only `penstock_releases_readable` at 0."""
        readable = GaugeMetricFamily("penstock_releases_readable", "Whether the records in the cluster could be read")
        try:
            seen = [found for kept in list_kept(self.cluster, self.namespaces) if (found := _see(kept))]
        except PenstockError:
            readable.add_metric((), 0)
            yield readable
            return
        readable.add_metric((), 1)
        yield readable
        self._count(seen)
        yield from _write_gauges(seen)
        yield from self._write_counters()

    def _count(self, seen: Sequence[_Seen]) -> None:
        for found in seen:
            known = self._ended.get(found.plan.key)
            mark = f"{found.state.revision} {found.state.phase_since}" if found.ending else ""
            if found.ending and known is not None and known != mark:
                key = (found.state.cause is not None and found.state.cause.outcome is Outcome.PROMOTED, found.ending)
                self._counts[key] = self._counts.get(key, 0) + 1
            # An end that was there at the first look is somebody else's to have counted.
            self._ended[found.plan.key] = mark
            for promoted in (True, False):
                # Prometheus sees no increase in a counter that begins at 1.
                self._counts.setdefault((promoted, found.kind), 0)

    def _write_counters(self) -> Iterator[Metric]:
        labels = ("name", "namespace", "deployment_strategy", "analysis_status")
        for promoted, name, said in (
            (True, "flagger_canary_successes", "Releases that were promoted, since this process looks"),
            (False, "flagger_canary_failures", "Releases that were not promoted, since this process looks"),
        ):
            family = CounterMetricFamily(name, said, labels=labels)
            for (good, values), count in self._counts.items():
                if good is promoted:
                    family.add_metric(values, count)
            yield family


def _see(kept: Kept) -> _Seen | None:
    plan = _read_plan(kept.source)
    return _Seen(plan, kept.state) if plan else None


def _write_gauges(seen: Sequence[_Seen]) -> Iterator[Metric]:
    info = GaugeMetricFamily("flagger_info", "What drives the canaries", labels=("version", "mesh_provider"))
    info.add_metric((f"penstock-{metadata.version('penstock')}", ""), 1)
    total = GaugeMetricFamily("flagger_canary_total", "Canaries of a namespace", labels=("namespace",))
    for namespace in sorted({found.plan.namespace for found in seen}):
        total.add_metric((namespace,), sum(found.plan.namespace == namespace for found in seen))
    status = GaugeMetricFamily(
        "flagger_canary_status", "0 progressing, 1 any other phase, 2 failed", labels=("name", "namespace")
    )
    weight = GaugeMetricFamily("flagger_canary_weight", "Share of traffic in percent", labels=("workload", "namespace"))
    failed = GaugeMetricFamily("penstock_release_failed_checks", "Failed checks so far", labels=("name", "namespace"))
    phase = GaugeMetricFamily(
        "penstock_release_phase", "1 for the phase of a release", labels=("name", "namespace", "phase")
    )
    for found in seen:
        name, namespace = found.labels
        status.add_metric(found.labels, _rank(found.state.phase))
        weight.add_metric((name, namespace), found.state.weight)
        weight.add_metric((f"{name}-primary", namespace), ALL - found.state.weight)
        failed.add_metric(found.labels, found.state.failed_checks)
        phase.add_metric((name, namespace, found.state.phase.value), 1)
    yield from (info, total, status, weight, failed, phase)
    yield from _write_evidence(seen)


def _write_evidence(seen: Sequence[_Seen]) -> Iterator[Metric]:
    labels = ("name", "namespace")
    score = GaugeMetricFamily(
        "penstock_release_evidence", "Evidence against the canary; 1 is none", labels=(*labels, "kind")
    )
    limit = GaugeMetricFamily("penstock_release_evidence_limit", "Total evidence that rolls back", labels=labels)
    requests = GaugeMetricFamily(
        "penstock_release_requests", "User requests of this release that were judged", labels=(*labels, "arm")
    )
    errors = GaugeMetricFamily(
        "penstock_release_errors", "Those of them that were answered 5xx", labels=(*labels, "arm")
    )
    for found in seen:
        # The judge may have been chosen by --judge, of which the Canary's text knows nothing; the sums are one anyhow.
        terms, case = write_terms(replace(found.plan, judge=Judge.EVIDENCE)), found.state.case
        if terms is None or case is None:
            continue
        scores = weigh(terms, case)
        limit.add_metric(found.labels, terms.limit)
        for kind, value in (("errors", scores.errors), ("latency", scores.latency), ("guard", scores.guard)):
            score.add_metric((*found.labels, kind), value)
        score.add_metric((*found.labels, "total"), scores.total)
        for arm, tally in (("canary", case.whole.errors.canary), ("primary", case.whole.errors.primary)):
            requests.add_metric((*found.labels, arm), tally.requests)
            errors.add_metric((*found.labels, arm), tally.events)
    yield from (score, limit, requests, errors)


def _rank(phase: Phase) -> int:
    return {Phase.PROGRESSING: _PROGRESSING, Phase.FAILED: _FAILED}.get(phase, _WELL)
