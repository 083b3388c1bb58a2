"""Run this machine's Prometheus beside the platform, with Envoy's counters under Istio's names.

The rule to keep: a query over `istio_requests_total` that works in a mesh runs here as it stands. The canary's
workload bears the Deployment's name, the primary's the same with `-primary`, as Flagger names them.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from workflows.errors import ConfigurationError
from workflows.local import folder, ports, probe
from workflows.local.child import Child, Order
from workflows.local.folder import Book

_READY_TIMEOUT_S = 1.0
_COUNTED = "primary|canary|canary-mirror"
_RELABELLING = (
    # Only what users (and the copies of their requests) met: loads and tests have clusters of their own.
    {"source_labels": ["envoy_cluster_name"], "regex": _COUNTED, "action": "keep"},
    {
        "source_labels": ["__name__"],
        "regex": "envoy_cluster_upstream_rq",
        "target_label": "__name__",
        "replacement": "istio_requests_total",
    },
    {
        "source_labels": ["__name__"],
        "regex": "envoy_cluster_upstream_rq_time_(bucket|sum|count)",
        "target_label": "__name__",
        "replacement": "istio_request_duration_milliseconds_$1",
    },
    {"source_labels": ["__name__"], "regex": "istio_.*", "action": "keep"},
    {"source_labels": ["envoy_response_code"], "regex": "(.+)", "target_label": "response_code"},
    {"target_label": "reporter", "replacement": "destination"},
)


def binary(environment: Mapping[str, str]) -> str:
    """Find the machine's Prometheus; raises ConfigurationError without one."""
    path = shutil.which("prometheus", path=environment.get("PATH"))
    if path is None:
        raise ConfigurationError(
            "--prometheus auto: no `prometheus` on the PATH; install it (Debian: apt-get install prometheus), or give "
            "`penstock run` a server with --prometheus URL"
        )
    return path


def configuration(targets: Path, name: str, namespace: str) -> str:
    """Write the server's configuration."""
    labels = [
        {
            "source_labels": ["envoy_cluster_name"],
            "regex": regex,
            "target_label": "destination_workload",
            "replacement": to,
        }
        for regex, to in (("canary.*", name), ("primary", f"{name}-primary"))
    ]
    spaces = [
        {"target_label": label, "replacement": namespace} for label in ("destination_workload_namespace", "namespace")
    ]
    job = {
        "job_name": "envoy",
        "metrics_path": "/stats/prometheus",
        "params": {"filter": [r"^cluster\..*\.upstream_rq(_\d+|_time)$"]},
        "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
        "metric_relabel_configs": [*_RELABELLING, *labels, *spaces],
    }
    return yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]})


class PrometheusProcess:
    """Keep one Prometheus that scrapes the platform's Envoy."""

    def __init__(self, directory: Path, environment: Mapping[str, str], book: Book) -> None:
        self._folder = directory / "prometheus"
        self._folder.mkdir(exist_ok=True)
        self._targets = self._folder / "targets.json"
        self._scraped = ""
        self._port = ports.free()
        config = self._folder / "prometheus.yml"
        config.write_text(configuration(self._targets, book.name, book.namespace))
        flags = (f"--config.file={config}", f"--storage.tsdb.path={self._folder / 'data'}", "--log.level=warn")
        listen = f"--web.listen-address={ports.LOOPBACK}:{self._port}"
        command = (binary(environment), *flags, listen)
        self.child = Child(Order(command, environment, self._folder, self._folder / "prometheus.log"))

    @property
    def url(self) -> str:
        """Give the server's address."""
        return f"http://{ports.LOOPBACK}:{self._port}"

    async def live(self) -> bool:
        """Tell whether the server answers queries."""
        return await probe.answers(self._port, "/-/ready", _READY_TIMEOUT_S)

    def scrape(self, admin: str) -> None:
        """Point the server at Envoy, whose admin interface moves when it is started again."""
        if admin and admin != self._scraped:
            folder.write(self._targets, [{"targets": [admin]}])
            self._scraped = admin
