"""End the releases of a cluster whose owners are gone."""

import argparse
import errno
import logging
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

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
_NO_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EPFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL})
"""How a machine says that it has no IPv6."""


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
        server = _listen(registry, port)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"--metrics-port: {port}: {error}; name a port that is free") from error
    Thread(target=server.serve_forever, daemon=True).start()
    logging.getLogger("penstock.watchdog").info("metrics at port %s", server.server_port)


class _BothFamilies(ThreadingWSGIServer):
    """Listen to IPv6 and IPv4, whatever the machine presets (net.ipv6.bindv6only)."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        """Bind the socket."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in what it replaces
        """Log no request: Prometheus and the probes ask often."""


def _listen(registry: CollectorRegistry, port: int) -> WSGIServer:
    """Listen at all addresses; at those of IPv4 alone where there is no IPv6."""
    app = make_wsgi_app(registry)
    if socket.has_dualstack_ipv6():
        try:
            return make_server("::", port, app, _BothFamilies, handler_class=_Silent)
        except OSError as error:
            if error.errno not in _NO_FAMILY:
                raise
    host = "0.0.0.0"  # noqa: S104 - Prometheus and the probes come from elsewhere
    return make_server(host, port, app, ThreadingWSGIServer, handler_class=_Silent)


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
