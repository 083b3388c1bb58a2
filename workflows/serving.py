"""Compose `penstock serve`: the webhook service with the parts that only this package has.

The rule to keep: what only the workers need is loaded in them, so that the processes that watch over them stay small.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from webhooks.cli import main as serve
from webhooks.settings import Settings
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect

if TYPE_CHECKING:
    from flask import Flask

EVERYWHERE = "all"


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT, with the judge where a Prometheus is named; raises ConfigurationError."""
    parser = argparse.ArgumentParser("penstock serve", add_help=False, allow_abbrev=False)
    parser.add_argument("--prometheus", default=os.environ.get("PENSTOCK_PROMETHEUS", ""), metavar="URL")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE")
    parser.add_argument("--context", default="", metavar="NAME")
    parser.add_argument("--watchdog", action="append", default=[], metavar="NS")
    ours, rest = parser.parse_known_args(argv)
    cluster = connect(ours.kubeconfig, ours.context) if ours.prometheus or ours.watchdog else None
    beside = {"watchdog": partial(_watch, ours)} if ours.watchdog else {}
    return serve(rest, partial(create, prometheus=ours.prometheus, cluster=cluster), beside)


def _watch(ours: argparse.Namespace) -> int:
    """Become the watchdog of the namespaces that were named; `all` means all of them."""
    where = ["--all-namespaces"] if EVERYWHERE in ours.watchdog else [f"--namespace={name}" for name in ours.watchdog]
    config = [f"--kubeconfig={ours.kubeconfig}"] if ours.kubeconfig else []
    words = ["watchdog", *where, *config, *([f"--context={ours.context}"] if ours.context else [])]
    os.execv(sys.executable, [sys.executable, "-m", "workflows", *words])  # noqa: S606 - this interpreter


def create(settings: Settings, *, prometheus: str = "", cluster: Cluster | None = None) -> "Flask":
    """Make the app with all parts."""
    from webhooks.app import create_app  # noqa: PLC0415 - the service's own processes have no use for the app
    from workflows.court import add_judge, open_court  # noqa: PLC0415 - see above

    court = open_court(settings, prometheus, cluster) if prometheus and cluster else None
    return create_app(settings, [partial(add_judge, court=court)])
