"""Play the mesh and its Prometheus: user traffic follows the weights of the VirtualService that was written.

Each question lets the traffic of the time since the last one flow. A version that is `bad` fails three requests of ten.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT
from workflows.routers.kubernetes.istio import VIRTUAL_SERVICE

PER_SECOND = 2000


class Mesh:
    """Counts what users were answered, by workload and code."""

    def __init__(self, cluster: Cluster, bad: str = "v3") -> None:
        self._cluster = cluster
        self._bad = bad
        self._counts: dict[tuple[str, str], float] = {}
        self._last = time.monotonic()
        self._lock = threading.Lock()
        self.url = ""

    def answer(self, query: str) -> list[dict[str, object]]:
        """Give the series of a query as Prometheus would."""
        with self._lock:
            self._flow()
            if query.startswith("max(timestamp"):
                return [_sample({}, time.time())]
            if "_bucket" in query:
                return [
                    _sample({"destination_workload": workload, "le": bound}, count)
                    for (workload, _), count in self._counts.items()
                    for bound in ("100", "+Inf")
                ]
            return [
                _sample({"destination_workload": workload, "response_code": code}, count)
                for (workload, code), count in self._counts.items()
            ]

    def _flow(self) -> None:
        now = time.monotonic()
        flown, self._last = (now - self._last) * PER_SECOND, now
        for workload, percent in weights(self._cluster).items():
            failed = 0.3 if self._bad in _image(self._cluster, workload) else 0.0
            for code, share in (("200", 1 - failed), ("500", failed)):
                before = self._counts.get((workload, code), 0.0)
                self._counts[workload, code] = before + flown * share * percent / 100


@contextmanager
def serving(mesh: Mesh) -> Iterator[Mesh]:
    """Answer queries on loopback."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)["query"][0]
            result = {"status": "success", "data": {"resultType": "vector", "result": mesh.answer(query)}}
            body = json.dumps(result).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    mesh.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield mesh
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def weights(cluster: Cluster) -> dict[str, int]:
    """Tell how the VirtualService splits the traffic between the workloads, all to the target before there is one."""
    found = cluster.get(VIRTUAL_SERVICE, "test", "ad")
    if found is None:
        return {"ad": 100}
    routes = found["spec"]["http"][0]["route"]
    arms = {"ad-primary": "ad-primary", "ad-canary": "ad"}
    return {arms[route["destination"]["host"].split(".")[0]]: int(route.get("weight", 100)) for route in routes}


def _image(cluster: Cluster, workload: str) -> str:
    found = cluster.get(DEPLOYMENT, "test", workload)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""


def _sample(labels: dict[str, str], value: float) -> dict[str, object]:
    return {"metric": labels, "value": [time.time(), str(value)]}
