"""Count what happens and write it for Prometheus, right also when several processes serve and run.

Every process writes its counts into files of a shared folder, whose name must stand in the environment before this
module is imported (prometheus_client). What the store knows is asked of it when Prometheus asks.
"""

import json
import os
from collections import Counter as Tally
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from loadtester.errors import LoadError
from loadtester.report import LoadReport
from webhooks.store.port import Store
from webhooks.store.records import UNDER_WAY, Run
from webhooks.telemetry.family import Usage, measure_family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The type of the text."""

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 240.0)
_QUANTILES = (0.5, 0.95, 0.99)
_REGISTRY = CollectorRegistry()
_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # as prometheus_client itself does, at import

HOOKS = Counter("penstock_hooks", "Hook calls by type and status", ["type", "status"], registry=_REGISTRY)
HOOK_SECONDS = Histogram(
    "penstock_hook_seconds", "Time until a hook was answered", ["type"], registry=_REGISTRY, buckets=_BUCKETS
)
CANARIES_SEEN = Gauge(
    "penstock_canaries_seen_timestamp_seconds",
    "When a watch last knew the Canaries of a namespace",
    ["namespace"],
    registry=_REGISTRY,
    multiprocess_mode="max",
)
RUNS_ENDED = Counter("penstock_runs_ended", "Runs by kind and outcome", ["kind", "outcome"], registry=_REGISTRY)


def render(store: Store) -> bytes:
    """Write all figures; raises StoreError."""
    registry = _REGISTRY
    if _FOLDER:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, _FOLDER)  # type: ignore[no-untyped-call] # half typed by its authors
    asked = CollectorRegistry()
    asked.register(_Asked([*_ask_store(store), *_ask_family(measure_family())]))
    return generate_latest(registry) + generate_latest(asked)


class _Asked(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def _ask_store(store: Store) -> Iterator[Metric]:
    under_way = store.runs.select(UNDER_WAY)
    runs = GaugeMetricFamily("penstock_runs", "Runs that are queued or running", labels=["state"])
    states = Tally(run.state for run in under_way)
    for state in sorted(UNDER_WAY, key=lambda one: one.value):
        runs.add_metric([state.value], states[state])
    yield runs
    gates = GaugeMetricFamily("penstock_gates", "Gates as they stand", labels=["state"])
    for word, count in sorted(Tally(gate.state.value for gate in store.gates.select()).items()):
        gates.add_metric([word], count)
    yield gates
    yield from _ask_loads(under_way)


def _ask_loads(under_way: Iterable[Run]) -> Iterator[Metric]:
    labels = ["namespace", "canary", "test", "run"]
    requests = CounterMetricFamily("penstock_load_requests", "Requests of a load that is running", labels=labels)
    failures = CounterMetricFamily("penstock_load_failures", "Those of them that failed", labels=labels)
    latency = GaugeMetricFamily(
        "penstock_load_response_seconds", "Response time of a load so far", labels=[*labels, "quantile"]
    )
    for run in under_way:
        report = _read_report(run.report)
        if report is None:
            continue
        canary = run.order.canary
        values = [canary.namespace, canary.name, run.order.test, run.id]
        requests.add_metric(values, report.requests)
        failures.add_metric(values, report.failures)
        for share in _QUANTILES:
            found = report.percentile_ms(share)
            if found is not None:
                latency.add_metric([*values, f"{share:g}"], found / 1000)
    yield from (requests, failures, latency)


def _read_report(text: str) -> LoadReport | None:
    try:
        return LoadReport.from_dict(json.loads(text)) if text else None
    except (LoadError, ValueError, LookupError, TypeError):
        return None  # the report of a test that is no load


def _ask_family(usages: Iterable[tuple[str, Usage]]) -> Iterator[Metric]:
    memory = GaugeMetricFamily(
        "penstock_resident_memory_bytes", "Memory of the service and of its runs", labels=["part"]
    )
    processes = GaugeMetricFamily("penstock_processes", "Processes of the service and of its runs", labels=["part"])
    cpu = GaugeMetricFamily("penstock_cpu_seconds", "Time on processors of those alive", labels=["part"])
    for part, usage in usages:
        memory.add_metric([part], usage.resident_bytes)
        processes.add_metric([part], usage.processes)
        cpu.add_metric([part], usage.cpu_s)
    yield from (memory, processes, cpu)
