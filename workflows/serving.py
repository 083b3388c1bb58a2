"""Compose `penstock serve`: the webhook service with the parts that only this package has.

The rule to keep: what only the workers need is loaded in them, so that the processes that watch over them stay small.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from webhooks.cli import service
from webhooks.settings import Settings
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.plugin.settings import VARIABLES, PluginSettings
from workflows.plugin.token import TOKEN_FILE, read_token

if TYPE_CHECKING:
    from flask import Flask

    from webhooks.app import Part

EVERYWHERE = "all"


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT, with the judge where a Prometheus is named; raises ConfigurationError."""
    asked = make_parser().parse_args(argv)
    cluster = connect(asked.kubeconfig, asked.context) if asked.prometheus or asked.watchdog else None
    beside = {"watchdog": partial(_watch, asked)} if asked.watchdog else {}
    plugin = _open_plugin(asked) if asked.argo_plugin else None
    return service.serve(asked, partial(create, prometheus=asked.prometheus, cluster=cluster, plugin=plugin), beside)


def make_parser() -> argparse.ArgumentParser:
    """Describe the options: those of the service, and those of the parts that it gets here."""
    parser = service.make_parser()
    parser.add_argument(
        "--prometheus",
        default=os.environ.get("PENSTOCK_PROMETHEUS", ""),
        metavar="URL",
        help="count traffic there, for hooks with metadata.judge and for verdicts (PENSTOCK_PROMETHEUS)",
    )
    parser.add_argument(
        "--watchdog",
        action="append",
        default=[],
        metavar="NS",
        help=f"end the releases of this namespace whose owners are gone; may be repeated, {EVERYWHERE} means every one",
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="how to reach the cluster (KUBECONFIG)")
    parser.add_argument("--context", default="", metavar="NAME", help="a context of the kubeconfig (the current one)")
    parser.add_argument("--argo-plugin", action="store_true", help="run stages for Argo Workflows, as its plugin")
    parser.add_argument(
        "--argo-token", type=Path, metavar="FILE", default=TOKEN_FILE, help=f"the token of Argo's agent ({TOKEN_FILE})"
    )
    return parser


def _open_plugin(asked: argparse.Namespace) -> PluginSettings:
    """Read the token of Argo's agent, and what its stages are told of the cluster and may see."""
    config = asked.kubeconfig.absolute() if asked.kubeconfig else ""
    told = {"kubeconfig": config, "context": asked.context, "prometheus": asked.prometheus}
    options = tuple(f"--{name}={value}" for name, value in told.items() if value)
    return PluginSettings(read_token(asked.argo_token), options, tuple(filter(os.environ.get, VARIABLES)))


def _watch(asked: argparse.Namespace) -> int:
    """Become the watchdog of the namespaces that were named; `all` means all of them."""
    where = ["--all-namespaces"] if EVERYWHERE in asked.watchdog else [f"--namespace={name}" for name in asked.watchdog]
    config = [f"--kubeconfig={asked.kubeconfig}"] if asked.kubeconfig else []
    words = ["watchdog", *where, *config, *([f"--context={asked.context}"] if asked.context else [])]
    os.execv(sys.executable, [sys.executable, "-m", "workflows", *words])  # noqa: S606 - this interpreter


def create(
    settings: Settings, *, prometheus: str = "", cluster: Cluster | None = None, plugin: PluginSettings | None = None
) -> "Flask":
    """Make the app with all parts."""
    from webhooks.app import create_app  # noqa: PLC0415 - the service's own processes have no use for the app
    from workflows.court import add_judge, open_court  # noqa: PLC0415 - see above
    from workflows.verdict_api import add_verdicts, open_bench  # noqa: PLC0415 - see above
    from workflows.verdicts.hindsight import Hindsight  # noqa: PLC0415 - see above

    court = open_court(settings, prometheus, cluster) if prometheus and cluster else None
    parts: list[Part] = [partial(add_judge, court=court), partial(add_verdicts, bench=open_bench(prometheus, cluster))]
    if plugin:
        from workflows.plugin.routes import add_plugin  # noqa: PLC0415 - see above

        parts.append(partial(add_plugin, settings=plugin))
    hindsight = Hindsight(prometheus, cluster) if prometheus and cluster else None
    return create_app(settings, parts, hindsight.measure if hindsight else None)
