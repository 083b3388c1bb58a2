"""Play a Prometheus with a past: one service that answers steadily, but for an incident."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BEGIN = 1_750_000_000
"""When the past begins (Unix seconds)."""


@dataclass(frozen=True)
class Service:
    """What was served: requests per second, the share that failed, and more that failed in an incident."""

    rps: int = 50
    errors: float = 0.001
    incident: tuple[int, int] = (0, 0)
    incident_errors: float = 0.3

    def failed(self, at: float) -> int:
        since = at - BEGIN
        low, high = self.incident
        broken = max(0.0, min(since, high) - low)
        return round(self.rps * (self.errors * since + self.incident_errors * broken))

    def served(self, at: float) -> int:
        return round(self.rps * (at - BEGIN))


class PastServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: PastServer

    def do_GET(self) -> None:
        fields = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(fields)
        body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": self.series(fields)}})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def series(self, fields: dict[str, str]) -> list[object]:
        start, end, step = (float(fields[name]) for name in ("start", "end", "step"))
        times = [start + step * number for number in range(int((end - start) / step) + 1)]
        service, arm = self.server.service, {"destination_workload": "ad-primary", "pod": "ad-1"}
        if service.rps == 0:
            return []
        if "_bucket" in fields["query"]:
            shares = {"50": 0.5, "100": 1.0, "+Inf": 1.0}
            return [
                {"metric": {**arm, "le": bound}, "values": [[at, str(int(share * service.served(at)))] for at in times]}
                for bound, share in shares.items()
            ]
        failed = [[at, str(service.failed(at))] for at in times]
        fine = [[at, str(service.served(at) - service.failed(at))] for at in times]
        return [
            {"metric": {**arm, "response_code": "500"}, "values": failed},
            {"metric": {**arm, "response_code": "200"}, "values": fine},
        ]

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def remembering(service: Service) -> Iterator[PastServer]:
    server = PastServer(service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
