"""Report a release to the webhook service where a command was asked to: `--report-to URL`."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.records import keep_all
from workflows.release import Release
from workflows.rollout.plan import RolloutPlan

if TYPE_CHECKING:
    from workflows.reports.reporter import Reporter


def add_report_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where a release is shown."""
    parser.add_argument(
        "--report-to",
        default=os.environ.get("PENSTOCK_REPORT_TO", ""),
        metavar="URL",
        help="a penstock serve whose pages show the release (PENSTOCK_REPORT_TO); PENSTOCK_TOKEN is sent along",
    )


@contextmanager
def telling(url: str, release: Release, journal: Path | None = None) -> Iterator[Release]:
    """Report what a block does with a release, and at its end send the journal of one that is over."""
    if not url:
        yield release
        return
    reporter = open_reporter(url, release.plan)
    fanout = import_module("workflows.notifiers.fanout").EventFanout(release.platform.events, reporter)
    told = replace(release.platform, events=fanout)
    try:
        yield replace(release, platform=told, keep=keep_all(release.keep, reporter.keep))
    finally:
        if journal:
            reporter.attach(journal)
        reporter.close()


def open_reporter(url: str, plan: RolloutPlan) -> "Reporter":
    """Give who reports on a canary; raises ConfigurationError for a bad URL."""
    # Loaded when asked for: a stage that reports nothing does not pay for it.
    service = import_module("workflows.reports.release_service").ReleaseService(
        url, os.environ.get("PENSTOCK_TOKEN", "")
    )
    reporter: Reporter = import_module("workflows.reports.reporter").Reporter(service, plan, _warn)
    return reporter


def _warn(message: str) -> None:
    sys.stderr.write(f"penstock: {message}\n")
