"""End the releases of a cluster whose owners are gone."""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server

from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.subject import connect
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import LEASE
from workflows.errors import ConfigurationError, ExitCode, TemporaryError
from workflows.exposition import ReleaseCollector
from workflows.process import interruptible
from workflows.states.cluster_lease import PICKED
from workflows.watchdog import LOOK_EVERY, Beat, ClusterWatchdog

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_GRACE = LOOK_EVERY * 15


def main(argv: Sequence[str]) -> int:
    """Watch until a signal comes; the rescues that were begun are ended first."""
    arguments = make_parser().parse_args(list(argv))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    clock, beat = SystemClock(), _read_beat(arguments)
    cluster = connect(arguments)
    _check(cluster, beat)
    watchdog = ClusterWatchdog(cluster, beat, clock)
    if arguments.metrics_port is not None:
        _serve_metrics(ReleaseCollector(cluster, beat.namespaces), arguments.metrics_port)
    try:
        with interruptible():
            while True:
                watchdog.look()
                clock.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        watchdog.rest(_GRACE)
    return ExitCode.PROMOTED


def _check(cluster: Cluster, beat: Beat) -> None:
    """Refuse a place that may not be watched now; a server that does not answer may later."""
    for namespace in beat.namespaces or ("",):
        with suppress(TemporaryError):
            cluster.list(LEASE, namespace, PICKED)


def _serve_metrics(collector: ReleaseCollector, port: int) -> None:
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, _ = start_http_server(port, registry=registry)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"--metrics-port: {port}: {error}; name a port that is free") from error
    logging.getLogger("penstock.watchdog").info("metrics at port %s", server.server_port)


def _read_beat(arguments: argparse.Namespace) -> Beat:
    namespaces = tuple(arguments.namespace)
    if arguments.all_namespaces == bool(namespaces):
        raise ConfigurationError("say where to watch: --namespace NS (also several times), or --all-namespaces")
    own = _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else DEFAULT_NAMESPACE
    return Beat(namespaces, namespaces[0] if namespaces else own)


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock watchdog", description=__doc__)
    parser.add_argument("-n", "--namespace", action="append", default=[], metavar="NS", help="a namespace to watch")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="watch all namespaces")
    parser.add_argument("--metrics-port", type=int, metavar="PORT", help="serve /metrics of all releases there")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="how to reach the cluster (KUBECONFIG)")
    parser.add_argument("--context", default="", metavar="NAME", help="a context of the kubeconfig (the current one)")
    return parser
