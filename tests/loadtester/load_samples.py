"""Values for the tests of this room."""

from typing import Any

from loadtester.report import Histogram, LoadReport, NameReport


def report_of(*latencies_us: int, failures: int = 0, name: str = "/ad", **more: Any) -> LoadReport:
    """Give a report of some latencies under one name."""
    histogram = Histogram.of(latencies_us)
    counts = NameReport(histogram, histogram, failures=failures, statuses={"200": len(latencies_us)})
    return LoadReport(names={name: counts}, **more)
