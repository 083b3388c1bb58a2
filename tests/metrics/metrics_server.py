"""Play a provider's server on loopback: it answers what the test says and remembers what it was asked."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from workflows.metrics.endpoint import Endpoint

CERTIFICATE = Path(__file__).parents[1] / "loopback.pem"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]
    body: bytes


class MetricsServer(ThreadingHTTPServer):
    """Gives its answers in turn, (status, body) each; the last one repeats."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, bytes]] = [(200, b"{}")]
        self.asked: list[Asked] = []
        self.kind = "application/json"
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def answer(self, *bodies: object, status: int = 200) -> None:
        texts = [body if isinstance(body, str | bytes) else json.dumps(body) for body in bodies]
        self.answers = [(status, text.encode() if isinstance(text, str) else text) for text in texts]

    def at(self, provider: str, address: str = "", **more: object) -> Endpoint:
        return Endpoint(provider, address or self.url, timedelta(seconds=30), **more)

    def encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
        status, text = self.server.answers[min(len(self.server.asked), len(self.server.answers)) - 1]
        self.send_response(status)
        self.send_header("Content-Type", self.server.kind)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = respond  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ssl.SSLError:
            self.close_connection = True


@contextmanager
def serve() -> Iterator[MetricsServer]:
    with MetricsServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(timeout=10)
