"""Show an answer as FastHttpUser's responses do, decoding only what is looked at."""

import json
from collections.abc import Iterator
from typing import Any, Self

from locust.exception import CatchResponseError, LocustError, ResponseError

from loadtester.engine.errors import ProtocolError, RequestError
from loadtester.engine.response import Head, decode_body

_FIRST_ERROR_STATUS = 400


class BadStatusError(RequestError):
    """Say that the answer's status is an error."""


class Headers(dict[str, str]):
    """Hold headers, found in any case."""

    def __init__(self, fields: Iterator[tuple[str, str]]) -> None:
        super().__init__((key.lower(), value) for key, value in fields)

    def __getitem__(self, key: str) -> str:
        """Give a header."""
        return super().__getitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        """Tell whether a header is there."""
        return super().__contains__(str(key).lower())

    def get(self, key: str, default: Any = None) -> Any:
        """Give a header or the default."""
        return super().get(key.lower(), default)


class SlimResponse:
    """Hold an answer, or the error in its place; in a with-block it can be marked as success or failure."""

    __slots__ = (
        "_body",
        "_catches",
        "_content",
        "_entered",
        "_head",
        "_report",
        "_verdict",
        "encoding",
        "error",
        "js",
        "url",
    )

    def __init__(self, url: str, head: Head | None, body: bytes, error: Exception | None) -> None:
        self.url = url
        self._head = head
        self._body = body
        self._content: bytes | None = None
        self.error = error
        self.encoding = "utf-8"
        self.js: Any = None
        self._report: Any = None
        self._entered = False
        self._verdict: Exception | bool | None = None

    def expect_block(self, report: Any) -> "SlimResponse":
        """Report only at the end of a with-block."""
        self._report = report
        return self

    @property
    def status_code(self) -> int:
        """Give the status, 0 without an answer."""
        return self._head.status if self._head is not None else 0

    @property
    def ok(self) -> bool:
        """Tell whether the status is no error."""
        return 0 < self.status_code < _FIRST_ERROR_STATUS

    @property
    def headers(self) -> Headers:
        """Give the headers."""
        return Headers(iter(self._head.fields if self._head is not None else ()))

    @property
    def content(self) -> bytes | None:
        """Give the body, decoded from gzip; None without an answer."""
        if self._head is None:
            return None
        if self._content is None:
            self._content = decode_body(self._head, self._body)
        return self._content

    @property
    def text(self) -> str | None:
        """Give the body as text; None without an answer."""
        content = self.content
        return None if content is None else content.decode(self.encoding, errors="replace")

    def json(self) -> Any:
        """Read the body as JSON; raises ValueError when it is none."""
        return json.loads(self.text or "")

    def iter_content(self, chunk_size: int = 1024, *, decode_content: bool = True) -> Iterator[str | bytes]:
        """Give the body in pieces."""
        content = self.content or b""
        for start in range(0, len(content), chunk_size):
            piece = content[start : start + chunk_size]
            yield piece.decode(errors="replace") if decode_content else piece

    def raise_for_status(self) -> None:
        """Raise what went wrong, a status of 400 and above included."""
        if isinstance(self._verdict, Exception):
            raise self._verdict
        if self.error is not None and self._verdict is None:
            raise self.error

    def success(self) -> None:
        """Count the request as passed, whatever the answer; in a with-block only."""
        self._require_block()
        self._verdict = True

    def failure(self, reason: Any) -> None:
        """Count the request as failed for this reason; in a with-block only."""
        self._require_block()
        self._verdict = reason if isinstance(reason, Exception) else CatchResponseError(reason)

    def _require_block(self) -> None:
        if not self._entered:
            raise LocustError("mark a response in a with-block of a request with catch_response=True")

    def __enter__(self) -> Self:
        """Open the block."""
        if self._report is None:
            raise LocustError("a with-block needs catch_response=True")
        self._entered = True
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: object) -> bool:
        """Report the request; an exception of the task's own goes on to Locust."""
        if self._verdict is not None:
            self._report(self, None if self._verdict is True else self._verdict)
            return kind is None
        if kind is not None and not isinstance(value, ResponseError):
            return False
        self._report(self, value if kind is not None else self.error)
        return True


def check_body(head: Head, body: bytes) -> ProtocolError | None:
    """Give what is wrong with a coded body, before anybody reads it."""
    try:
        decode_body(head, body)
    except ProtocolError as error:
        return error
    return None
