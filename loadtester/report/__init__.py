"""Hold what a load run counted: requests, failures and latencies by name, errors by class, the generator's health.

Pure and published: the standard library only, no clock. The one rule to keep: everything in it adds and subtracts,
so that windows, workers and arms are reports like any other. `SCHEMA` names the JSON form and its version.
"""

from loadtester.report.counts import Health, NameReport
from loadtester.report.histogram import Histogram
from loadtester.report.load_report import SCHEMA, ErrorCount, LoadReport
from loadtester.report.timeline import RecentReports, Slot, Timeline

__all__ = [
    "SCHEMA",
    "ErrorCount",
    "Health",
    "Histogram",
    "LoadReport",
    "NameReport",
    "RecentReports",
    "Slot",
    "Timeline",
]
