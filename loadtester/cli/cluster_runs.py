"""Run a plan in the cluster from here: create its Jobs, follow the master's lines, exit with its verdict."""

import argparse
import json
import signal
import sys
from typing import Any

from loadtester.cli.arguments import plan_of
from loadtester.cli.exits import EXIT_CANCELLED, code_of
from loadtester.cli.outputs import require_writable
from loadtester.cluster import ClusterApi, ClusterRun, ClusterSettings
from loadtester.cluster.kubernetes_api import KubernetesApi
from loadtester.rendering.console import progress_line
from loadtester.report import LoadReport
from loadtester.verdict import LoadOutcome


def settings_of(given: argparse.Namespace) -> ClusterSettings:
    """Make the settings of the command line; one worker unless more are asked for."""
    return ClusterSettings(given.name, given.namespace, given.image, max(given.workers, 1))


def run(given: argparse.Namespace, api: ClusterApi | None = None) -> int:
    """Run and give the exit code; a cancel takes the Jobs away."""
    plan, settings = plan_of(given), settings_of(given)
    require_writable(given)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    end: dict[str, Any] = {}
    try:
        with ClusterRun(api or KubernetesApi(), plan, settings) as load:
            last = LoadReport()
            for line in load.lines():
                last = _show(given, line, last)
                end = line
    except KeyboardInterrupt:
        print("cancelled: the Jobs are deleted", file=sys.stderr)  # noqa: T201 - a command's own words
        return EXIT_CANCELLED
    if given.json is not None:
        given.json.write_text(json.dumps(end, indent=1), encoding="utf-8")
    return code_of(LoadOutcome(end["verdict"]["outcome"]))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _show(given: argparse.Namespace, line: dict[str, Any], last: LoadReport) -> LoadReport:
    report = LoadReport.from_dict(line["report"])
    if given.live:
        print(json.dumps(line, separators=(",", ":")), flush=True)  # noqa: T201 - the parent reads it
    elif line["kind"] == "end":
        verdict = line["verdict"]
        print(f"{verdict['outcome']}: " + "; ".join(verdict["reasons"]))  # noqa: T201 - a command's own words
    else:
        print(progress_line(report, report.since(last)), file=sys.stderr, flush=True)  # noqa: T201 - the log
    return report
