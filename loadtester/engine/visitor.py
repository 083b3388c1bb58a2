"""Be one visitor of the target: one connection, its cookies and captured values, one request at a time.

The one rule to keep: every request that was begun ends exactly once, as an answer, a failure or interrupted.
"""

from time import perf_counter
from typing import Protocol
from urllib.parse import urlsplit

from loadtester.engine.actions import Action
from loadtester.engine.errors import ConnectionFaultError, RequestError
from loadtester.engine.recorder import Recorder
from loadtester.engine.response import Head, HeadCache, ResponseReader
from loadtester.engine.targets import Target
from loadtester.engine.wire import TlsWire, Wire

_REDIRECTS = (301, 302, 303, 307, 308)
_READY_TO_READ = 0x001
_READY_TO_WRITE = 0x004


class Post(Protocol):
    """Watch the wires of visitors and hear when one is free again."""

    def watch(self, visitor: "Visitor", fd: int) -> None:
        """Call the visitor when the descriptor is ready."""
        ...

    def await_writing(self, fd: int, *, wanted: bool) -> None:
        """Say whether readiness to write counts too."""
        ...

    def forget(self, fd: int) -> None:
        """Watch the descriptor no more."""
        ...

    def freed(self, visitor: "Visitor", now: float) -> None:
        """Hear that a visitor has ended its request."""
        ...


class Visitor:
    """Send one request after another over a connection of its own."""

    __slots__ = (
        "_action",
        "_cookies",
        "_hops",
        "_limit",
        "_payload",
        "_post",
        "_reader",
        "_recorder",
        "_served",
        "_values",
        "_wire",
        "_writes",
        "busy",
        "failed",
        "intended",
        "leaving",
        "sent",
        "target",
    )

    def __init__(self, post: Post, recorder: Recorder, heads: HeadCache, target: Target, *, redirects: int) -> None:
        self._post = post
        self._recorder = recorder
        self._reader = ResponseReader(heads)
        self.target = target
        self._limit = redirects
        self._wire: Wire | TlsWire | None = None
        self._writes = False
        self._served = 0
        self._hops = 0
        self._payload = b""
        self._cookies: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._action: Action | None = None
        self.busy = False
        self.failed = False
        self.leaving = False
        self.intended = 0.0
        self.sent = 0.0

    def can(self, action: Action) -> bool:
        """Tell whether it has captured all that a request needs."""
        return not action.needs or action.needs <= self._values.keys()

    @property
    def action(self) -> Action | None:
        """Give the request it makes or made last."""
        return self._action

    def begin(self, action: Action, intended: float, now: float) -> None:
        """Start a request that should have started at `intended`."""
        self.busy = True
        self.intended = intended
        self.sent = now
        self._action = action
        self._hops = 0
        self.failed = False
        self._send(action.render(self._values, self._cookies) if action.dynamic else action.payload)

    def _send(self, payload: bytes) -> None:
        self._payload = payload
        action = self._action
        if action is None:
            return
        self._reader.start(keeps=action.keeps, headless=action.headless and not self._hops)
        try:
            if self._wire is None:
                self._open()
            else:
                self._wire.write(payload)
                if self._wire.pending:
                    self._mind_writing()
        except ConnectionFaultError as fault:
            self._lost(fault)

    def _open(self) -> None:
        self._served = 0
        wire = self._wire = self.target.connect()
        wire.write(self._payload)
        self._post.watch(self, wire.fd)
        self._writes = True

    def _mind_writing(self) -> None:
        if self._wire is not None and self._wire.pending is not self._writes:
            self._writes = self._wire.pending
            self._post.await_writing(self._wire.fd, wanted=self._writes)

    def on_ready(self, mask: int) -> None:
        """Go on, now that the wire is ready."""
        wire = self._wire
        if wire is None:
            return
        try:
            if self._writes:
                wire.advance()
                self._mind_writing()
                if not mask & ~_READY_TO_WRITE:
                    return
            data = wire.read()
            if data is not None:
                self._received(data)
        except ConnectionFaultError as fault:
            self._lost(fault)
        except RequestError as fault:
            self.fail(fault.kind, str(fault))

    def _received(self, data: bytes) -> None:
        if not data:
            self._ended()
        elif not self.busy:
            self._drop()
        elif self._reader.feed(data):
            self._answered()

    def _ended(self) -> None:
        if self.busy and self._reader.end():
            self._drop()
            self._answered()
            return
        started = self._reader.started
        self._lost(ConnectionFaultError("truncated" if started else "closed", "the connection ended before the answer"))

    def _lost(self, fault: ConnectionFaultError) -> None:
        """Send again over a new connection when an idle one was closed under us; otherwise the request failed."""
        reused = self._served > 0
        self._drop()
        if not self.busy:
            return
        if reused and not self._reader.started:
            self._send(self._payload)
        else:
            self.fail(fault.kind, str(fault))

    def _answered(self) -> None:
        now = perf_counter()
        head, action = self._reader.head, self._action
        if head is None or action is None:  # both stand once an answer is whole
            return
        self._served += 1
        if head.closes:
            self._drop()
        if action.dynamic or self._limit:
            self._keep_cookies(head)
            if self._limit and head.status in _REDIRECTS and head.field("location"):
                self._follow(action, head)
                return
        self._finish(action, head, now)

    def _finish(self, action: Action, head: Head, now: float) -> None:
        entry = action.entry
        entry.record(int((now - self.intended) * 1e6), int((now - self.sent) * 1e6), head.status, self._reader.size)
        if action.plain and head.status in action.statuses:
            entry.checks_passed += 1
        else:
            self._judge(action, head)
        self.busy = False
        self._post.freed(self, now)

    def _judge(self, action: Action, head: Head) -> None:
        entry = action.entry
        fault = action.judge(head, self._reader.body)
        if fault is None and action.captures:
            missing = action.capture(head, self._reader.body, self._values)
            fault = ("capture", f"{missing!r} is not in the answer") if missing else None
        if fault is None:
            entry.checks_passed += 1
        else:
            entry.checks_failed += 1
            self._recorder.fail(entry, *fault)

    def _keep_cookies(self, head: Head) -> None:
        for key, value in head.fields:
            if key == "set-cookie":
                name, _, content = value.partition(";")[0].partition("=")
                if "max-age=0" in value.lower().replace(" ", "") or not content:
                    self._cookies.pop(name.strip(), None)
                else:
                    self._cookies[name.strip()] = content.strip()

    def _follow(self, action: Action, head: Head) -> None:
        """Go where a redirect points, on the same target only: load goes nowhere else."""
        self._hops += 1
        location = urlsplit(head.field("location"))
        host = action.host
        if self._hops > self._limit:
            self.fail("redirect loop", f"more than {self._limit} redirects, the last to {head.field('location')}")
        elif location.netloc and location.netloc != host:
            self.fail("redirect elsewhere", f"to {location.netloc}, which is not the target {host}")
        else:
            path = (location.path or "/") + (f"?{location.query}" if location.query else "")
            self._send(action.redirected(path, self._cookies))

    def fail(self, kind: str, message: str) -> None:
        """End the request as failed, and the connection with it."""
        self._drop()
        action, now = self._action, perf_counter()
        if not self.busy or action is None:
            return
        self.busy = False
        self.failed = True
        action.entry.record(int((now - self.intended) * 1e6), int((now - self.sent) * 1e6), 0, self._reader.size)
        self._recorder.fail(action.entry, kind, message)
        self._post.freed(self, now)

    def interrupt(self) -> None:
        """End the request without a result, because the run was cancelled."""
        self._drop()
        if self.busy:
            self.busy = False
            self._recorder.interrupted += 1

    def _drop(self) -> None:
        if self._wire is not None:
            self._post.forget(self._wire.fd)
            self._wire.close()
            self._wire = None
            self._writes = False
