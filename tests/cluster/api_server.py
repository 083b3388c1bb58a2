"""The API server that tests speak to: a small one in this process or a real one, behind a door that can play bad luck.

The rule to keep: tests use what stands here and in the client, so that they run against either server unchanged.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from tests.cluster.exchange import NO_PAGE, Answer, Backend, Request
from workflows.cluster.kinds import Kind

_SPARE_S = 5.0


class Loss(Enum):
    """Where a connection breaks."""

    BEFORE = "the server never sees the request"
    AFTER = "the request is carried out and nobody hears of it"


@dataclass(slots=True)
class Mishap:
    """What befalls the next requests whose line (`PUT /apis/...`) contains some text."""

    text: str
    times: int
    answer: Answer | None = None
    loss: Loss | None = None
    action: Callable[[], object] | None = None


@dataclass(slots=True)
class Luck:
    """What is to go wrong, and what was asked."""

    mishaps: list[Mishap] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    away: bool = False
    delay_s: float = 0.0
    seen: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: Request) -> Mishap | None:
        with self.lock:
            self.seen.append(request)
            for mishap in self.mishaps:
                if mishap.times > 0 and mishap.text in str(request):
                    mishap.times -= 1
                    return mishap
        return None


class ApiServer:
    """One door to one server; `with ApiServer(backend, token)` opens and closes it."""

    def __init__(self, backend: Backend, token: str) -> None:
        self.backend = backend
        self.token = token
        self.luck = Luck()
        self.closed = threading.Event()
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()
        self.backend.close()
        self._thread.join(_SPARE_S)

    def kubeconfig(self, folder: Path, token: str = "", namespace: str = "default") -> Path:
        """Write a kubeconfig for the administrator, or for whose token it is."""
        name = "test"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {"token": token or self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        }
        path = folder / f"kubeconfig-{token[:8] or 'admin'}.json"
        path.write_text(json.dumps(content))
        return path

    @property
    def requests(self) -> list[str]:
        """What was asked so far, as `GET /api/v1/...`."""
        return [str(request) for request in self.luck.seen]

    @property
    def writes(self) -> list[str]:
        """The requests so far that change something."""
        return [line for line in self.requests if not line.startswith("GET ") and "reviews" not in line]

    def refuse(self, text: str = "", *, status: int = 500, times: int = 1, retry_after_s: int | None = None) -> None:
        """Refuse the next requests whose line contains a text, before they have any effect."""
        said = {"kind": "Status", "status": "Failure", "message": f"told to say {status}", "code": status}
        headers = {"content-type": "application/json"}
        if retry_after_s is not None:
            headers["retry-after"] = str(retry_after_s)
        answer = Answer(status, json.dumps(said).encode(), headers=headers)
        self.luck.mishaps.append(Mishap(text, times, answer=answer))

    def lose(self, text: str = "", *, loss: Loss = Loss.AFTER, times: int = 1) -> None:
        """Break the connection of the next requests whose line contains a text."""
        self.luck.mishaps.append(Mishap(text, times, loss=loss))

    def meanwhile(self, text: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Do something just before the next requests whose line contains a text are carried out."""
        self.luck.mishaps.append(Mishap(text, times, action=action))

    @contextmanager
    def away(self) -> Iterator[None]:
        """Answer nobody, and break what is under way."""
        self.luck.away = True
        try:
            yield
        finally:
            self.luck.away = False

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Take so long for each answer."""
        self.luck.delay_s = seconds
        try:
            yield
        finally:
            self.luck.delay_s = 0.0

    @contextmanager
    def without(self, *kinds: Kind) -> Iterator[None]:
        """Serve everything but some kinds, as where their CRDs are not installed."""
        paths = {kind.path("") for kind in kinds}
        self.luck.missing |= paths
        try:
            yield
        finally:
            self.luck.missing -= paths

    def misses(self, request: Request) -> bool:
        """Whether a request is for a kind that is not to be served now."""
        return any(_is_of(request.path, kind_path) for kind_path in self.luck.missing)


def _is_of(path: str, kind_path: str) -> bool:
    root, _, plural = kind_path.rpartition("/")
    if path == root:  # what is served of a group is asked before any of its kinds
        return True
    return path.startswith(root + "/") and plural in path.removeprefix(root).split("/")[:4]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Door)


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def _serve(self) -> None:
        api, luck = self.server.api, self.server.api.luck
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        # kubectl sends no token where there is no TLS: who shows none is the administrator.
        headers.setdefault("authorization", f"Bearer {api.token}")
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        if luck.delay_s:
            api.closed.wait(luck.delay_s)
        mishap = luck.take(request)
        if luck.away or (mishap and mishap.loss is Loss.BEFORE):
            self.close_connection = True
            return
        if mishap and mishap.action:
            mishap.action()
        answer = self._find(request, mishap)
        if mishap and mishap.loss is Loss.AFTER:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _find(self, request: Request, mishap: Mishap | None) -> Answer:
        api = self.server.api
        if mishap and mishap.answer:
            return mishap.answer
        if api.misses(request):
            return Answer.text(NO_PAGE, HTTPStatus.NOT_FOUND)
        return api.backend.answer(request, lambda: api.closed.is_set() or api.luck.away)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        try:
            if answer.pieces is None:
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            else:
                self._stream(answer.pieces)
        except OSError:  # Who asked has gone.
            self.close_connection = True

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if self.server.api.luck.away:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has for it
        """Write nothing: pytest shows what went wrong."""
