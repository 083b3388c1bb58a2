"""Write a run as OpenMetrics text, for a push gateway or a file that a node exporter reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from loadtester.report import Histogram, LoadReport
from loadtester.report.histogram import middle_of

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_OUTCOMES = ("passed", "failed", "inconclusive")


def render_openmetrics(document: Mapping[str, Any]) -> str:
    """Give the text."""
    report = LoadReport.from_dict(document["report"])
    return "\n".join((*_lines(report, document["verdict"]["outcome"]), "# EOF")) + "\n"


def _lines(report: LoadReport, outcome: str) -> Iterator[str]:
    yield from _counter("penstock_load_requests", {name: item.requests for name, item in report.names.items()})
    yield from _counter("penstock_load_failures", {name: item.failures for name, item in report.names.items()})
    yield "# TYPE penstock_load_errors counter"
    for error in report.errors:
        yield f"penstock_load_errors_total{{{_label('name', error.name)},{_label('kind', error.kind)}}} {error.count}"
    for key, value in (("scheduled", report.scheduled), ("dropped", report.dropped)):
        yield f"# TYPE penstock_load_{key} counter"
        yield f"penstock_load_{key}_total {value}"
    yield "# TYPE penstock_load_duration_seconds histogram"
    yield "# UNIT penstock_load_duration_seconds seconds"
    for name, item in report.names.items():
        yield from _histogram(name, item.response)
    yield "# TYPE penstock_load_verdict stateset"
    for word in _OUTCOMES:
        yield f'penstock_load_verdict{{penstock_load_verdict="{word}"}} {int(word == outcome)}'


def _counter(key: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# TYPE {key} counter"
    for name, value in values.items():
        yield f"{key}_total{{{_label('name', name)}}} {value}"


def _histogram(name: str, histogram: Histogram) -> Iterator[str]:
    key, label = "penstock_load_duration_seconds", _label("name", name)
    for bound_s in _BOUNDS_S:
        count = sum(number for cell, number in histogram.cells.items() if middle_of(cell) <= bound_s * 1e6)
        yield f'{key}_bucket{{{label},le="{bound_s}"}} {count}'
    yield f'{key}_bucket{{{label},le="+Inf"}} {histogram.count}'
    yield f"{key}_count{{{label}}} {histogram.count}"
    yield f"{key}_sum{{{label}}} {histogram.sum_us / 1e6:.6f}"


def _label(key: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{key}="{escaped}"'
