"""Send a SlimHttpUser's requests: one greenlet, one connection to each place, the bytes read by our own reader.

The one rule to keep: when nobody but Locust and we listen to requests, they are counted in place and reach Locust's
statistics in batches; a listener of the user's own gets every event.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, Protocol
from urllib.parse import urljoin, urlsplit

import gevent
from locust.env import Environment

from loadtester.engine.errors import RequestError
from loadtester.engine.recorder import Recorder
from loadtester.engine.response import Head, HeadCache, ResponseReader
from loadtester.engine.slim_line import Line
from loadtester.engine.slim_payload import Payload, read_options
from loadtester.engine.slim_response import BadStatusError, SlimResponse, check_body
from loadtester.engine.targets import Target
from loadtester.plan import HttpOptions

_REDIRECTS = (301, 302, 303, 307, 308)
_KEEPS_METHOD = (307, 308)
_FIRST_ERROR_STATUS = 400
_CODED = ("gzip", "x-gzip", "deflate")
_PLAIN: Mapping[str, Any] = {}
_KNOWN_PAYLOADS = 256
_heads = HeadCache()
_targets: dict[tuple[str, bool], Target] = {}


class SlimClientUser(Protocol):
    """Be the user of a session: what FastHttpUser is set up with."""

    environment: Any
    host: str | None
    network_timeout: float
    connection_timeout: float
    max_redirects: int
    insecure: bool
    default_headers: dict[str, str] | None

    def context(self) -> dict[str, Any]:
        """Give what each request event carries."""
        ...


@dataclass(slots=True)
class _Asked:
    method: str
    name: str
    context: Mapping[str, Any]
    at: float
    seconds: float = 0.0


class SlimSession:
    """Hold one user's connections and cookies."""

    recorder: ClassVar[Recorder | None] = None
    on_cut: ClassVar[Callable[[str, float], None] | None] = None
    usual_listeners: ClassVar[int] = -1

    def __init__(self, user: SlimClientUser) -> None:
        self.user = user
        self.base_url = (user.host or "").rstrip("/")
        self.cookies: dict[str, str] = {}
        self.request_name: str | None = None
        self._event = user.environment.events.request
        self._reader = ResponseReader(_heads)
        self._lines: dict[str, Line] = {}
        self._payloads: dict[tuple[str, str], tuple[Line, bytes]] = {}
        self._usual = {"User-Agent": "penstock", "Accept-Encoding": "gzip, deflate"} | dict(user.default_headers or {})

    @classmethod
    def adopt(
        cls, recorder: Recorder, environment: Environment, on_cut: Callable[[str, float], None] | None = None
    ) -> None:
        """Count requests in this recorder as long as no listener is added to those of this moment."""
        cls.recorder = recorder
        cls.on_cut = on_cut
        cls.usual_listeners = len(environment.events.request._handlers)  # noqa: SLF001 - Locust shows it nowhere else

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Count the requests of a with-block under one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def get(self, url: str, **more: Any) -> SlimResponse:
        """Send a GET."""
        return self.request("GET", url, **more)

    def head(self, url: str, **more: Any) -> SlimResponse:
        """Send a HEAD."""
        return self.request("HEAD", url, **more)

    def options(self, url: str, **more: Any) -> SlimResponse:
        """Send an OPTIONS."""
        return self.request("OPTIONS", url, **more)

    def delete(self, url: str, **more: Any) -> SlimResponse:
        """Send a DELETE."""
        return self.request("DELETE", url, **more)

    def post(self, url: str, data: Any = None, json: Any = None, **more: Any) -> SlimResponse:
        """Send a POST."""
        return self.request("POST", url, data=data, json=json, **more)

    def put(self, url: str, data: Any = None, **more: Any) -> SlimResponse:
        """Send a PUT."""
        return self.request("PUT", url, data=data, **more)

    def patch(self, url: str, data: Any = None, **more: Any) -> SlimResponse:
        """Send a PATCH."""
        return self.request("PATCH", url, data=data, **more)

    def request(self, method: str, url: str, **options: Any) -> SlimResponse:
        """Send a request; the options are FastHttpSession's.

        They are name, data, json, headers, auth, params, allow_redirects, context and catch_response. Raises TypeError
        for another one; what goes wrong with the request itself stands in the response's `error`.
        """
        name = options.pop("name", None) or self.request_name or url
        catches = options.pop("catch_response", False)
        asked = _Asked(method, name, options.pop("context", _PLAIN), perf_counter())
        head: Head | None = None
        try:
            head = self._fetch(method, url, options)
            error = self._fault_of(head)
        except RequestError as fault:
            error = fault
        except gevent.GreenletExit:
            if SlimSession.on_cut is not None:
                SlimSession.on_cut(name, perf_counter() - asked.at)
            raise
        asked.seconds = perf_counter() - asked.at
        response = SlimResponse(url, head, self._reader.body if head is not None else b"", error)
        if catches:
            return response.expect_block(partial(self._report, asked))
        self._report(asked, response, error)
        return response

    def _fault_of(self, head: Head) -> RequestError | None:
        if head.status >= _FIRST_ERROR_STATUS:
            return BadStatusError(f"status {head.status}", f"answered {head.status}")
        return check_body(head, self._reader.body) if head.encoding in _CODED else None

    def _fetch(self, method: str, url: str, options: dict[str, Any]) -> Head:
        follows = bool(options.pop("allow_redirects", True))
        plain = not options and not self.cookies
        known = self._payloads.get((method, url)) if plain else None
        if known is None:
            known = self._prepare(method, url, read_options(options))
            if plain and len(self._payloads) < _KNOWN_PAYLOADS:
                self._payloads[method, url] = known
        line, payload = known
        head = line.exchange(payload, self._reader, headless=method == "HEAD")
        if len(head.fields) and any(key == "set-cookie" for key, _ in head.fields):
            self._keep_cookies(head)
        if follows and head.status in _REDIRECTS and head.field("location"):
            return self._follow(method, url, head, options)
        return head

    def _prepare(self, method: str, url: str, parts: Payload) -> tuple[Line, bytes]:
        absolute = url if "://" in url else f"{self.base_url}{url}"
        place = urlsplit(absolute)
        origin = f"{place.scheme}://{place.netloc}"
        line = self._lines.get(origin)
        if line is None:
            line = self._lines[origin] = self._new_line(origin)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        return line, parts.render(method, path, place.netloc, self._usual, self.cookies)

    def _new_line(self, origin: str) -> Line:
        key = (origin, self.user.insecure)
        if key not in _targets:
            _targets[key] = Target(origin, HttpOptions(verify=not self.user.insecure))
        return Line(_targets[key], self.user.connection_timeout, self.user.network_timeout)

    def _keep_cookies(self, head: Head) -> None:
        for key, value in head.fields:
            if key == "set-cookie":
                name, _, content = value.partition(";")[0].partition("=")
                self.cookies[name.strip()] = content.strip()

    def _follow(self, method: str, url: str, head: Head, options: dict[str, Any]) -> Head:
        for _ in range(self.user.max_redirects):
            url = urljoin(url if "://" in url else f"{self.base_url}{url}", head.field("location"))
            if head.status not in _KEEPS_METHOD and method != "HEAD":
                method = "GET"
                options = {key: value for key, value in options.items() if key in ("headers", "auth")}
            line, payload = self._prepare(method, url, read_options(dict(options)))
            head = line.exchange(payload, self._reader, headless=method == "HEAD")
            self._keep_cookies(head)
            if head.status not in _REDIRECTS or not head.field("location"):
                return head
        raise RequestError("redirect loop", f"more than {self.user.max_redirects} redirects")

    def _report(self, asked: "_Asked", response: SlimResponse, error: Exception | None) -> None:
        if self.recorder is not None and len(self._event._handlers) == self.usual_listeners:  # noqa: SLF001 - see adopt
            self._count(self.recorder, asked, response, error)
            return
        self._event.fire(
            request_type=asked.method,
            name=asked.name,
            response_time=asked.seconds * 1000,
            response_length=len(response.content or b""),
            response=response,
            context={**self.user.context(), **asked.context},
            exception=error,
            start_time=time.time() - asked.seconds,
            url=response.url,
        )

    def _count(self, recorder: Recorder, asked: "_Asked", response: SlimResponse, error: Exception | None) -> None:
        entry = recorder.folded_entry(asked.name)
        duration_us = int(asked.seconds * 1e6)
        entry.record(duration_us, duration_us, response.status_code, self._reader.size)
        if error is None:
            entry.checks_passed += 1
        else:
            entry.checks_failed += 1
            recorder.fail(entry, error.kind if isinstance(error, RequestError) else "check", str(error))
