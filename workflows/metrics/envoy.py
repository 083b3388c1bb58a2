"""Count user traffic by the counters of the platform's Envoy.

The rule to keep: what tests and loads send to an arm goes through clusters of other names, which are not read. The
copies of mirrored requests have a cluster of their own, too; they are read unless one asks to leave them out.
Processes of an arm are not told apart: Envoy's counters of endpoints have no classes and no latency, and its counters
of clusters outlive their endpoints, so that none of them is a reset.
"""

import re
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from types import MappingProxyType
from urllib.parse import quote

from workflows.errors import UnavailableError
from workflows.rollout.samples import ArmCounts, TrafficCounts, add

PATIENCE_S = 5.0
"""How long Envoy may take to answer; long enough for the supervisor to start it again."""

_POLL_S = 0.05
_ADMIN_TIMEOUT_S = 2.0
_GATHER_POLL_S = 0.005
_GATHERED_WITHIN_S = 0.3
_FILTER = quote(r"^cluster\.(primary|canary|canary-mirror)\.upstream_rq_([2-5]xx|time)$")
_LINE = re.compile(
    r"envoy_cluster_upstream_rq_(?P<kind>xx|time_bucket)"
    r'\{(?:envoy_response_code_class="(?P<digit>\d)",)?envoy_cluster_name="(?P<cluster>[^"]+)"(?:,le="(?P<le>[^"]+)")?\}'
    r" (?P<count>\d+)"
)


class EnvoyCounter:
    """Count the requests of the local platform's users, per arm.

    Copies of mirrored requests count as the canary's, since they are all that it can be judged by while it is
    mirrored; without `mirrored` only what users were answered counts. `patience_s` is how long Envoy may take.
    """

    def __init__(self, directory: Path, *, mirrored: bool = True, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._admin = directory / "envoy" / "admin.address"
        self._primary = ("primary",)
        self._canary = ("canary", "canary-mirror") if mirrored else ("canary",)

    def read(self) -> TrafficCounts:
        """Give both arms' counters since Envoy started."""
        counts = self._gathered()
        primary, canary = (
            add(counts[name] for name in names if name in counts) for names in (self._primary, self._canary)
        )
        return TrafficCounts(primary=primary, canary=canary)

    def _gathered(self) -> Mapping[str, ArmCounts]:
        """Ask until the histograms hold what the counters held at first.

        Asking makes Envoy gather its histograms, and a later answer holds them. What Envoy answered itself, for want
        of an endpoint, is counted and never timed: that is not waited for longer than a moment.
        """
        wanted = counts = parse(self._ask())
        deadline = time.monotonic() + _GATHERED_WITHIN_S
        while time.monotonic() < deadline and any(_timed(counts, name) < wanted[name].total for name in wanted):
            Event().wait(_GATHER_POLL_S)
            counts = parse(self._ask())
        return counts

    def _ask(self) -> str:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return _get(self._admin, f"/stats/prometheus?usedonly&filter={_FILTER}")
            except (OSError, HTTPException, ValueError) as error:
                if time.monotonic() > deadline or isinstance(error, FileNotFoundError):
                    raise UnavailableError(
                        f"{self._admin.parent.parent}: Envoy's counters cannot be read ({error}); is the platform up? "
                        f"See `penstock local status`, start it with `penstock local up`"
                    ) from error
            Event().wait(_POLL_S)


def _timed(counts: Mapping[str, ArmCounts], name: str) -> int:
    latency = counts[name].latency if name in counts else ()
    return latency[-1][1] if latency else 0


def parse(text: str) -> dict[str, ArmCounts]:
    """Read the counters of each cluster from Envoy's Prometheus page."""
    responses: dict[str, dict[str, int]] = {}
    latency: dict[str, list[tuple[float, int]]] = {}
    for line in _LINE.finditer(text):
        cluster, count = line["cluster"], int(line["count"])
        if line["kind"] == "xx":
            responses.setdefault(cluster, {})[f"{line['digit']}xx"] = count
        else:
            latency.setdefault(cluster, []).append((float(line["le"]), count))
    names = responses.keys() | latency.keys()
    return {
        name: ArmCounts(MappingProxyType(responses.get(name, {})), tuple(sorted(latency.get(name, ()))))
        for name in names
    }


def _get(admin: Path, path: str) -> str:
    host, _, port = admin.read_text().strip().rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=_ADMIN_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
