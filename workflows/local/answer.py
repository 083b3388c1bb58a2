"""Read an HTTP/1.1 answer to a GET out of the bytes received so far: pure, and only as much as the users need.

The rule to keep: an answer is whole or it is not; what breaks off is never taken for an answer.
"""

import re
from dataclasses import dataclass

MAX_BYTES = 1 << 20
"""The longest answer that is read; the demo's users ask for small things."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\Z)")
_BODYLESS = frozenset({204, 304})


class NonsenseError(ValueError):
    """Say what in the bytes received is no HTTP/1.1 answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry a whole answer; `keeps` tells whether its connection may be used again."""

    status: int
    keeps: bool


def read_answer(received: bytes, *, ended: bool = False) -> Answer | None:
    """Give the answer, None while a part of it is still to come; `ended` says that no more will come.

    Raises NonsenseError.
    """
    if len(received) > MAX_BYTES:
        raise NonsenseError(f"an answer of more than {MAX_BYTES} bytes")
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    first, *lines = head.split(b"\r\n")
    status = _status(first)
    fields = {
        name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines)
    }
    keeps = fields.get(b"connection") != b"close" and first.startswith(b"HTTP/1.1")
    if status in _BODYLESS or _whole(fields, body):
        return Answer(status, keeps and not _surplus(fields, body))
    if ended and b"content-length" not in fields and b"transfer-encoding" not in fields:
        return Answer(status, keeps=False)
    return None


def _status(line: bytes) -> int:
    found = _STATUS.match(line)
    if not found:
        raise NonsenseError(f"the status line {line[:80]!r}")
    return int(found[1])


def _whole(fields: dict[bytes, bytes], body: bytes) -> bool:
    if fields.get(b"transfer-encoding") == b"chunked":
        return _chunks_whole(body)
    length = fields.get(b"content-length")
    if length is None:
        return False
    if not length.isdigit():
        raise NonsenseError(f"the content-length {length[:80]!r}")
    return len(body) >= int(length)


def _surplus(fields: dict[bytes, bytes], body: bytes) -> bool:
    return len(body) > int(fields.get(b"content-length", b"0")) and b"transfer-encoding" not in fields


def _chunks_whole(body: bytes) -> bool:
    place = 0
    while (end := body.find(b"\r\n", place)) >= 0:
        size = _chunk_size(body[place:end])
        if size == 0:
            return b"\r\n\r\n" in body[end:]
        place = end + 2 + size + 2
    return False


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        return int(digits, 16)
    except ValueError as error:
        raise NonsenseError(f"the chunk size {digits[:80]!r}") from error
