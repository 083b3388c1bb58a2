"""Serve ads: the service of the demo, in three versions, with nothing but the standard library.

GET /ad answers 200 with the version and an ad. In version v3 a personalised request, GET /ad?user=ID, fails at random
one time in four: a fault that tests without a user do not meet. GET /health answers while the service runs.
It is quick, keeps connections alive, and finishes the requests in flight before it ends (SIGTERM).
"""

import json
import os
import random
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

ADS = {
    "v1": "Umbrellas, sturdy and dry.",
    "v2": "Umbrellas, sturdy and dry. Rain is due at noon.",
    "v3": "Umbrellas picked for you. Rain is due at noon.",
}
FAULT_RATE = 0.25
GRACE_S = 10.0


class AdService(ThreadingHTTPServer):
    """Answer each connection in a thread of its own and know how many requests are in flight."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, version: str) -> None:
        """Listen on a port."""
        super().__init__((host, port), AdHandler)
        self.version = version
        self._in_flight = 0
        self._idle = threading.Condition()

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name, as HTTPServer would."""
        TCPServer.server_bind(self)

    def begin(self) -> None:
        """Count a request that came in."""
        with self._idle:
            self._in_flight += 1

    def end(self) -> None:
        """Count a request that was answered."""
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def drain(self) -> None:
        """Wait until all requests in flight are answered, a bounded time."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_flight == 0, timeout=GRACE_S)


class AdHandler(BaseHTTPRequestHandler):
    """Answer requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: AdService

    def do_GET(self) -> None:
        """Answer GET."""
        self.server.begin()
        try:
            status, body = answer(self.path, self.server.version)
            self._send(status, body)
        finally:
            self.server.end()

    def _send(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet: a line for each request would be most of the work."""


def answer(path: str, version: str) -> tuple[int, dict[str, str]]:
    """Decide what a path is answered with."""
    url = urlsplit(path)
    if url.path == "/health":
        return 200, {"status": "ok", "version": version}
    if url.path != "/ad":
        return 404, {"error": f"no such path: {url.path}; try /ad"}
    personal = "user" in parse_qs(url.query)
    if personal and version == "v3" and random.random() < FAULT_RATE:  # noqa: S311 - a fault, not a secret
        return 500, {"error": "the profile of this user cannot be read"}
    return 200, {"version": version, "ad": ADS.get(version, ADS["v1"])}


def main() -> None:
    """Serve until SIGTERM, then finish what is in flight."""
    host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "3003"))  # noqa: S104 - a container's
    service = AdService(host, port, os.environ.get("VERSION", "v1"))

    def stop(_signal: int, _frame: object) -> None:
        # shutdown() waits for the loop that this very thread runs.
        threading.Thread(target=service.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with service:
        service.serve_forever(poll_interval=0.05)
        service.drain()


if __name__ == "__main__":
    main()
