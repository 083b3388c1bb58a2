"""Keep one connection to a server and ask it one thing after another."""

import asyncio
from typing import cast

from workflows.local.answer import Answer, NonsenseError, read_answer


class UnansweredError(Exception):
    """Say that the connection was closed before the first byte of an answer came."""


class BrokenAnswerError(Exception):
    """Say how an answer broke off, or what in it is no HTTP."""


class Conversation(asyncio.Protocol):
    """Hold one connection; `asked` counts the questions put on it."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.asked = 0
        self.closed = False
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its whole answer; a question that is given up closes the connection.

        Raises UnansweredError, BrokenAnswerError.
        """
        if self.closed:
            raise UnansweredError
        self.asked += 1
        self._received.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        keeps = False
        try:
            self._transport.write(request)
            answer = await self._waiting
            keeps = answer.keeps
        finally:
            self._waiting = None
            if not keeps:
                self.close()
        return answer

    def close(self) -> None:
        """Close the connection at once."""
        self.closed = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect the answer; bytes that nobody asked for make the connection useless."""
        if self._waiting is None:
            self.close()
            return
        self._received += data
        self._look(ended=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that no more will come."""
        self.closed = True
        self._look(ended=exc is None)
        if self._waiting and not self._waiting.done():
            began = bool(self._received)
            self._waiting.set_exception(BrokenAnswerError("the answer broke off") if began else UnansweredError())

    def _look(self, *, ended: bool) -> None:
        if self._waiting is None or self._waiting.done():
            return
        try:
            answer = read_answer(bytes(self._received), ended=ended)
        except NonsenseError as error:
            self._waiting.set_exception(BrokenAnswerError(str(error)))
            return
        if answer:
            self._waiting.set_result(answer)
