"""Hold a SlimHttpUser's connection to one place, and wait for it without holding up the other users.

The one rule to keep: a wait costs no timer of its own; one greenlet looks at all lines and ends those past their time.
"""

import _socket
import weakref
from contextlib import suppress
from time import perf_counter
from typing import Any, ClassVar

import gevent
from gevent import socket as gevent_socket

from loadtester.engine.errors import ConnectionFaultError, RequestError
from loadtester.engine.response import Head, ResponseReader
from loadtester.engine.targets import Target
from loadtester.engine.wire import TlsWire, Wire

_LOOK_S = 0.05
_READ = 1
_READ_WRITE = 3


class Line:
    """Send requests to one place and read their answers, one at a time."""

    _all: ClassVar[weakref.WeakSet["Line"]] = weakref.WeakSet()
    _reaper: ClassVar[Any] = None

    def __init__(self, target: Target, connection_timeout_s: float, network_timeout_s: float) -> None:
        self._target = target
        self._connection_timeout_s = connection_timeout_s
        self._network_timeout_s = network_timeout_s
        self._wire: Wire | TlsWire | None = None
        self._watcher: Any = None
        self._hub: Any = gevent.get_hub()
        self._deadline = 0.0
        self._served = 0
        Line._all.add(self)
        if Line._reaper is None:
            Line._reaper = gevent.spawn(_reap)

    def exchange(self, payload: bytes, reader: ResponseReader, *, headless: bool) -> Head:
        """Send a request and give its answer's head, the body stands in the reader; raises RequestError."""
        self._deadline = perf_counter() + self._network_timeout_s
        try:
            return self._exchange(payload, reader, headless=headless)
        except BaseException:
            self.close()
            raise
        finally:
            self._deadline = 0.0

    def _exchange(self, payload: bytes, reader: ResponseReader, *, headless: bool) -> Head:
        reader.start(keeps=True, headless=headless)
        try:
            return self._try(payload, reader)
        except ConnectionFaultError:
            if not self._served or reader.started or self._expired:
                raise
        self.close()
        reader.start(keeps=True, headless=headless)
        return self._try(payload, reader)

    @property
    def _expired(self) -> bool:
        return perf_counter() >= self._deadline

    def _try(self, payload: bytes, reader: ResponseReader) -> Head:
        wire = self._wire or self._open()
        wire.write(payload)
        if wire.pending:
            self._write_out(wire, self._network_timeout_s)
        while True:
            self._hub.wait(self._watcher)
            data = wire.read()
            if data is None:
                continue
            if reader.feed(data) if data else self._whole_at_end(reader):
                break
        head = reader.whole_head
        if head.closes or not data:
            self.close()
        self._served += 1
        return head

    def _whole_at_end(self, reader: ResponseReader) -> bool:
        if self._expired:
            raise RequestError("timeout", f"no answer within {self._network_timeout_s:g} s")
        if reader.end():
            return True
        kind = "truncated" if reader.started else "closed"
        raise ConnectionFaultError(kind, "the connection ended before the answer")

    def _open(self) -> Wire | TlsWire:
        self._served = 0
        self._hub.threadpool.apply(self._target.locate_once)
        wire = self._wire = self._target.connect()
        self._write_out(wire, self._connection_timeout_s)
        self._watcher = self._hub.loop.io(wire.fd, _READ)
        return wire

    def _write_out(self, wire: Wire | TlsWire, timeout_s: float) -> None:
        until = perf_counter() + timeout_s
        while not wire.connected or wire.pending:
            watcher = self._hub.loop.io(wire.fd, _READ_WRITE if wire.pending else _READ)
            try:
                gevent_socket.wait(watcher, max(until - perf_counter(), 0.001), TimeoutError())
            except TimeoutError as error:
                raise RequestError("timeout", f"not connected within {timeout_s:g} s") from error
            finally:
                watcher.close()
            wire.advance()
            if not wire.connected and not wire.pending:
                wire.read()

    def end_if_late(self, now: float) -> None:
        """Cut the connection when its request is past its time: the reader then sees its end."""
        if 0.0 < self._deadline <= now and self._wire is not None:
            with suppress(OSError):
                self._wire.sock.shutdown(_socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def _reap() -> None:
    while True:
        gevent.sleep(_LOOK_S)
        now = perf_counter()
        for line in tuple(Line._all):  # noqa: SLF001 - the class's own greenlet
            line.end_if_late(now)
