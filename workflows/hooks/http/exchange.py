"""Exchange one request for one answer within one deadline, however slowly the other side speaks.

The deadline covers connecting, headers and body of all redirects together (Flagger: `timeout` is for each attempt).
Nothing of the environment is used: no proxies, no netrc.
"""

import base64
import contextlib
import http.client
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

_BODY_KEPT = 1024 * 1024
_CHUNK = 65536
_REDIRECTS = 10
_AS_GET = frozenset({301, 302, 303})
_AS_IS = frozenset({307, 308})
_PORTS = {"http": 80, "https": 443}


class RefusedError(Exception):
    """Say why no other attempt would help: a bad address, a certificate, too many redirects."""


@dataclass(frozen=True, slots=True)
class Request:
    """Carry what is sent: a URL and a body; `resolve` maps host:port to the host:port to connect to instead."""

    url: str
    body: bytes
    verify_tls: bool
    resolve: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry what came back; of a longer body only the first MiB is kept."""

    status: int
    body: str
    retry_after: str


class _Deadline:
    """Cut connections off when the time is over: a socket's own timeout starts anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self.over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left_s(self) -> float:
        return max(0.001, self._ends - time.monotonic())

    def watch(self, connected: socket.socket) -> None:
        # A descriptor of our own: the other one may be wrapped in TLS or closed by whoever reads it.
        with self._lock:
            self._forget()
            self._watched = socket.socket(fileno=os.dup(connected.fileno()))
            if self.over:
                self._shut()

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._forget()

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            self._shut()

    def _shut(self) -> None:
        if self._watched is not None:
            with contextlib.suppress(OSError):
                self._watched.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        if self._watched is not None:
            self._watched.close()
            self._watched = None


class _StrictReader(io.BufferedReader):
    """Refuse headers that break off, which http.client takes for complete ones."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line:
            raise ConnectionResetError("the connection was closed before the headers ended")
        return line


class _StrictResponse(http.client.HTTPResponse):
    """Read an answer through a strict reader."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = _StrictReader(sock.makefile("rb", buffering=0))


class _Connection(http.client.HTTPConnection):
    """Connect to an address under the name of another, with TLS when there is a context."""

    response_class = _StrictResponse

    def __init__(self, address: tuple[str, int], name: str, tls: ssl.SSLContext | None, deadline: _Deadline) -> None:
        super().__init__(*address, timeout=deadline.left_s)
        self._name = name
        self._tls = tls
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def exchange(request: Request, seconds: float) -> Answer:
    """POST the body and follow redirects as Go's client does.

    Raises RefusedError when another attempt would not help, and OSError or HTTPException when it might.
    """
    deadline = _Deadline(seconds)
    try:
        return _follow(request, deadline)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, ssl.SSLCertVerificationError):
            raise RefusedError(f"certificate not accepted: {error.verify_message}") from error
        if deadline.over or isinstance(error, TimeoutError):
            raise TimeoutError(f"no whole answer within {seconds:g} s") from error
        raise
    except ValueError as error:
        # What http.client makes of a size that is none.
        raise http.client.HTTPException(f"an answer that is no HTTP: {error}") from error
    finally:
        deadline.close()


def _follow(request: Request, deadline: _Deadline) -> Answer:
    url, method = request.url, "POST"
    for _ in range(_REDIRECTS + 1):
        status, headers, answer = _send(request, url, method, deadline)
        place = headers.get("Location")
        if not place or status not in _AS_GET | _AS_IS:
            return answer
        url = _join(url, place)
        method = "GET" if status in _AS_GET else method
    raise RefusedError(f"stopped after {_REDIRECTS} redirects")


def _join(url: str, place: str) -> str:
    try:
        return urljoin(url, place)
    except ValueError as error:
        raise RefusedError(f"redirected to {place!r}: {error}") from error


def _send(request: Request, url: str, method: str, deadline: _Deadline) -> tuple[int, http.client.HTTPMessage, Answer]:
    parts = _split(url)
    with _open(request, parts, deadline) as connection:
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
            "?" * bool(parts.query) + quote(parts.query, safe="/%:@!$&'()*+,;=~?[]")
        )
        body = request.body if method == "POST" else None
        try:
            connection.request(method, path, body, _headers(parts, body))
        except (http.client.InvalidURL, UnicodeError) as error:
            raise RefusedError(f"{url}: {error}") from error
        response = connection.getresponse()
        kept = _read(response)
        return (
            response.status,
            response.headers,
            Answer(response.status, kept.decode(errors="replace"), response.headers.get("Retry-After", "")),
        )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise RefusedError(f"{url}: {error}") from error
    if not known:
        raise RefusedError(f"{url}: not an http or https URL with a host")
    return parts


@contextlib.contextmanager
def _open(request: Request, parts: SplitResult, deadline: _Deadline) -> Iterator[_Connection]:
    name = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    host, _, mapped = request.resolve.get(f"{name}:{port}", f"{name}:{port}").rpartition(":")
    tls = None
    if parts.scheme == "https":
        tls = ssl.create_default_context() if request.verify_tls else ssl._create_unverified_context()  # noqa: S323, SLF001 - Flagger: disableTLS turns verification off
    connection = _Connection((host.strip("[]"), int(mapped)), name, tls, deadline)
    try:
        yield connection
    finally:
        connection.close()


def _headers(parts: SplitResult, body: bytes | None) -> dict[str, str]:
    headers = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "penstock", "Accept": "*/*"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers


def _read(response: http.client.HTTPResponse) -> bytes:
    kept = b""
    # Bounded by the deadline, which cuts the connection.
    while chunk := response.read(_CHUNK):
        kept += chunk[: _BODY_KEPT - len(kept)]
    if response.length:
        raise ConnectionResetError(f"the connection was closed with {response.length} bytes of the body missing")
    return kept
