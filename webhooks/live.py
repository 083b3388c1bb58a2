"""Send server-sent events to open pages from one thread, so that none of those that answer hooks waits for a page.

A feed says what has happened since a position; the position travels as the id of the last event, so a page that comes
back, after a restart or at another replica, goes on where it was. The connection of a page is taken over from the web
server; where that cannot be, the page gets one answer at a time and asks again.
"""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from webhooks.errors import WebhookError

MOST_STREAMS = 200
"""How many pages one process serves with events at once; more of them ask again and again."""

_LASTS_S = 60.0
_QUIET_S = 10.0
_TICK_S = 1.0
_MOST_UNSENT = 1024 * 1024
_log = logging.getLogger("penstock.live")


class TakenOverError(Exception):
    """Tell the web server that the connection is no longer its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """Carry what happened: a kind that the page's script knows, and its values (JSON)."""

    kind: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glance:
    """Carry what a feed saw: the position to go on from, what happened, and whether nothing more will."""

    position: str
    events: tuple[Event, ...] = ()
    over: bool = False


class Feed(Protocol):
    """Know what happens to one thing; equal feeds at equal positions are asked once for all who follow them."""

    def __hash__(self) -> int:
        """Say where equal feeds are found."""
        ...

    def look(self, position: str) -> Glance:
        """Say what has happened since a position, empty for what a page that was just made cannot know."""
        ...


def look(feed: Feed, position: str) -> Glance:
    """Ask a feed; trouble of our own is an event too, and the position stays."""
    try:
        return feed.look(position)
    except WebhookError as error:
        _log.warning("a page cannot be kept up to date: %s", error)
    except Exception:  # noqa: BLE001 - a tick of the loop: whatever one feed meets, the pages of others go on
        _log.exception("a page cannot be kept up to date")
    return Glance(position, (Event("away"),))


def write(glance: Glance, retry_ms: int = 0) -> bytes:
    """Write what a feed saw as server-sent events; the last of them carries the position, or one that says nothing."""
    events = [*glance.events, *([Event("over")] if glance.over else [])]
    blocks = [f"data: {json.dumps({'kind': one.kind, **one.values})}\n" for one in events] or [""]
    blocks[-1] = f"id: {glance.position}\n{blocks[-1]}"
    retry = f"retry: {retry_ms}\n" if retry_ms else ""
    return (retry + "".join(f"{block}\n" for block in blocks)).encode("ascii", "replace")


@dataclass(slots=True, eq=False)
class _Stream:
    connection: socket.socket
    feed: Feed
    position: str
    until: float
    unsent: bytes
    sent_at: float

    def tell(self, glance: Glance, now: float) -> bool:
        """Send what a feed saw; False when the stream is at its end."""
        if glance.events or glance.over or glance.position != self.position:
            self.unsent += write(glance)
        elif now - self.sent_at > _QUIET_S:
            self.unsent += b": still here\n\n"
        self.position = glance.position
        if not self._send(now):
            return False
        return not (glance.over and not self.unsent) and now < self.until and len(self.unsent) < _MOST_UNSENT

    def _send(self, now: float) -> bool:
        try:
            if self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent) :]
                self.sent_at = now
        except BlockingIOError:
            return True
        except OSError:
            return False
        return not is_left(self.connection)


class Hub:
    """Keep the streams of one process; `start` lets it take connections over, in a process that no longer forks."""

    def __init__(self, tick_s: float = _TICK_S) -> None:
        self._tick_s = tick_s
        self._lock = threading.Lock()
        self._fresh = threading.Event()
        self._streams: list[_Stream] = []
        self._thread: threading.Thread | None = None
        self._started = False

    def start(self) -> None:
        """Take connections over from now on."""
        self._started = True

    @property
    def open(self) -> int:
        """Count the streams."""
        return len(self._streams)

    def takes(self) -> bool:
        """Tell whether one more connection would be taken over."""
        return self._started and len(self._streams) < MOST_STREAMS

    def take(self, connection: socket.socket, head: bytes, feed: Feed, position: str) -> None:
        """Write to a connection from now on, first what is given, then what happens."""
        connection.settimeout(0)
        now = time.monotonic()
        with self._lock:
            self._streams.append(_Stream(connection, feed, position, now + _LASTS_S, head, now))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="live pages", daemon=True)
                self._thread.start()
        self._fresh.set()

    def _work(self) -> None:
        while True:
            self._fresh.clear()
            with self._lock:
                streams = list(self._streams)
                if not streams:
                    self._thread = None
                    return
            self._drop(_tell_all(streams))
            self._fresh.wait(self._tick_s)

    def _drop(self, ended: Iterable[_Stream]) -> None:
        for stream in ended:
            with self._lock:
                self._streams.remove(stream)
            with contextlib.suppress(OSError):
                stream.connection.shutdown(socket.SHUT_RDWR)
            stream.connection.close()


def _tell_all(streams: Iterable[_Stream]) -> list[_Stream]:
    glances: dict[tuple[Feed, str], Glance] = {}
    ended = []
    for stream in streams:
        key = (stream.feed, stream.position)
        if key not in glances:
            glances[key] = look(*key)
        if not stream.tell(glances[key], time.monotonic()):
            ended.append(stream)
    return ended


def is_left(client: socket.socket) -> bool:
    """Tell whether a caller has closed its end."""
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
