"""Answer hook calls on loopback as a table says, and count them; what the tests of hook callers talk to."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Told:
    """Carry one answer to give; `drip` never ends its headers, `raw` is written as it is."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    drip: bool = False
    raw: bytes | None = None


@dataclass
class Seen:
    """Carry one request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> object:
        return json.loads(self.body)


CERTIFICATE = Path(__file__).parents[1] / "loopback.pem"
"""A certificate and its key for localhost and 127.0.0.1, signed by itself, good until 2126."""


class HookServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, told: list[Told], pages: dict[str, Told] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told = told
        self.pages = pages or {}
        self.seen: list[Seen] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def next_answer(self, path: str) -> Told:
        if path in self.pages:
            return self.pages[path]
        return self.told[min(len(self.seen), len(self.told)) - 1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HookServer

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(Seen(self.command, self.path, dict(self.headers), body))
        told = self.server.next_answer(self.path)
        self.close_connection = True
        if told.raw is not None:
            self.wfile.write(told.raw)
            return
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        content = told.body.encode()
        if told.drip:
            self.drip()
            return
        if told.status >= 200 and told.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if told.status != 204 else b"")

    def drip(self) -> None:
        """Speak so slowly that each byte comes in time and the whole never does."""
        self.flush_headers()
        try:
            for _ in range(400):
                self.wfile.write(b"X-Slow: 1\r\n")
                self.wfile.flush()
                if self.server.closing.wait(0.05):
                    return
        except OSError:
            return

    do_POST = answer  # noqa: N815 - the name that http.server asks for
    do_GET = answer  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(*told: Told, pages: dict[str, Told] | None = None, tls: Path | None = None) -> Iterator[HookServer]:
    server = HookServer(list(told), pages)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port() -> int:
    """Give a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
