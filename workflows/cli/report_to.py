"""Report a release to the webhook service where a command was asked to: `--report-to URL`."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from workflows.release import Release


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
    # Loaded when asked for: a stage that reports nothing does not pay for it.
    service = import_module("workflows.reports.release_service").ReleaseService
    reporting = import_module("workflows.reports.reporter")
    reporter = reporting.Reporter(service(url, os.environ.get("PENSTOCK_TOKEN", "")), release.plan, _warn)
    with reporting.telling(reporter, release, journal) as told:
        yield told


def _warn(message: str) -> None:
    sys.stderr.write(f"penstock: {message}\n")
