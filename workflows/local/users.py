"""Be the users of the service: steady requests that nobody waits for, and an honest count of those that failed.

The rule to keep: a request is due when the schedule says so, however slow the answers are, and only what a user would
have met is a failure. A connection that the server closed between two requests is no user's trouble: the request is
repeated once, on a new connection, if not a byte of an answer had come, and counted under `reconnects`.
"""

import asyncio
import enum
import math
import random
import threading
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit

from workflows.errors import ConfigurationError
from workflows.local.answer import Answer
from workflows.local.conversation import BrokenAnswerError, Conversation, UnansweredError
from workflows.local.schedule import Schedule

_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500
_USERS = 1000


class Failure(enum.Enum):
    """Name how a user's request can fail."""

    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    CONNECT = "connect"
    RESET = "reset"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Tally:
    """Count what users met since their traffic began.

    `left_out` are requests that this machine was too late to send: never failures. `behind_s` is the worst delay of
    one that was sent.
    """

    requests: int = 0
    by_failure: Mapping[Failure, int] = field(default_factory=lambda: MappingProxyType({}))
    reconnects: int = 0
    left_out: int = 0
    behind_s: float = 0.0

    @property
    def failures(self) -> int:
        """Count the requests that failed, in whatever way."""
        return sum(self.by_failure.values())

    def since(self, earlier: "Tally") -> "Tally":
        """Give what was added after an earlier tally."""
        added = {how: count - earlier.by_failure.get(how, 0) for how, count in self.by_failure.items()}
        fresh = MappingProxyType({how: count for how, count in added.items() if count})
        return Tally(
            requests=self.requests - earlier.requests,
            by_failure=fresh,
            reconnects=self.reconnects - earlier.reconnects,
            left_out=self.left_out - earlier.left_out,
            behind_s=self.behind_s,
        )


class UserTraffic:
    """Send `per_second` requests a second to a URL from a thread of its own until the block ends."""

    def __init__(self, url: str, per_second: float, timeout_s: float = 5.0) -> None:
        self._host, self._port, self._path = _parse(url)
        if not (math.isfinite(per_second) and per_second > 0):
            raise ConfigurationError(f"users: {per_second} requests a second; ask for more than 0")
        self._per_second = per_second
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._failures: Counter[Failure] = Counter()
        self._requests = self._reconnects = 0
        self._schedule = Schedule(per_second, 0.0)
        self._idle: deque[Conversation] = deque()
        # Whose turn it is need not be a secret, and the same run again meets the same users.
        self._dice = random.Random(0)  # noqa: S311 - users are picked, nothing is kept from anybody
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="users", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop sending, give the requests in flight their time, and end."""
        with suppress(RuntimeError):  # its loop has ended already
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(2 * self._timeout_s + 1)

    def snapshot(self) -> Tally:
        """Count so far; a request counts once it is answered or has failed."""
        with self._lock:
            failures = MappingProxyType(dict(self._failures))
            schedule = self._schedule
            return Tally(self._requests, failures, self._reconnects, schedule.left_out, schedule.behind_s)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        visits: set[asyncio.Task[None]] = set()
        await self._arrive(visits)
        if visits:
            await asyncio.wait(visits, timeout=self._timeout_s)
        for conversation in self._idle:
            conversation.close()

    async def _arrive(self, visits: set[asyncio.Task[None]]) -> None:
        self._schedule = schedule = Schedule(self._per_second, self._loop.time())
        while True:
            now = self._loop.time()
            if await self._sleep(schedule.next_due(now) - now):
                return
            visit = asyncio.create_task(self._visit())
            visits.add(visit)
            visit.add_done_callback(visits.discard)

    async def _sleep(self, seconds: float) -> bool:
        """Wait and tell whether it is over."""
        try:
            await asyncio.wait_for(self._over.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    async def _visit(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ask()
        except TimeoutError:
            self._count(Failure.TIMED_OUT)
        except (UnansweredError, BrokenAnswerError):
            self._count(Failure.RESET)
        except OSError:
            self._count(Failure.CONNECT)
        else:
            self._count(_judge(answer.status))

    async def _ask(self) -> Answer:
        request = self._request()
        conversation = await self._find()
        used = conversation.asked > 0
        try:
            answer = await conversation.ask(request)
        except UnansweredError:
            if not used:
                raise
            self._reconnects += 1
            conversation = await self._connect()
            answer = await conversation.ask(request)
        if not conversation.closed:
            self._idle.append(conversation)
        return answer

    async def _find(self) -> Conversation:
        while self._idle:
            conversation = self._idle.pop()
            if not conversation.closed:
                return conversation
        return await self._connect()

    async def _connect(self) -> Conversation:
        _, conversation = await self._loop.create_connection(Conversation, self._host, self._port)
        return conversation

    def _request(self) -> bytes:
        mark = "&" if "?" in self._path else "?"
        target = f"{self._path}{mark}user={self._dice.randrange(_USERS)}"
        return f"GET {target} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nUser-Agent: user\r\n\r\n".encode()

    def _count(self, failure: Failure | None) -> None:
        with self._lock:
            self._requests += 1
            if failure:
                self._failures[failure] += 1


def _judge(status: int) -> Failure | None:
    if status < _FIRST_ERROR:
        return None
    return Failure.SERVER_ERROR if status >= _FIRST_SERVER_ERROR else Failure.CLIENT_ERROR


def _parse(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise ConfigurationError(f"users: {url!r} is no URL ({error}); give http://HOST:PORT/PATH") from error
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigurationError(f"users: {url!r} is not an http URL; give http://HOST:PORT/PATH")
    query = f"?{parts.query}" if parts.query else ""
    return parts.hostname, port, f"{parts.path or '/'}{query}"
