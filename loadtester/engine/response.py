"""Read HTTP/1.1 answers from bytes as they come: lengths, chunks, until close, and refuse garbage.

The one rule to keep: an answer that came whole in one piece under a head seen before costs one dictionary look-up.
"""

import re
import zlib
from dataclasses import dataclass

from loadtester.engine.chunks import ChunkDecoder
from loadtester.engine.errors import ProtocolError

MAX_HEAD = 65536
"""Bytes that a head may have."""

MAX_KEPT = 16 * 1024 * 1024
"""Bytes of a body that are kept for matching; the rest is counted and dropped."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?\Z")
_KNOWN_HEADS = 64
_NO_BODY = (204, 304)
_FIRST_FINAL = 200


@dataclass(frozen=True, slots=True)
class Head:
    """Hold what an answer's head says; `length` is None when only chunks or the close tell the end."""

    status: int
    length: int | None
    chunked: bool
    closes: bool
    encoding: str
    fields: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        """Give a header by its lower-case name, empty when absent."""
        return next((value for key, value in self.fields if key == name), "")


def parse_head(raw: bytes) -> Head:
    """Read a head, its last empty line included; raises ProtocolError."""
    lines = raw[:-4].split(b"\r\n")
    match = _STATUS_LINE.match(lines[0])
    if match is None:
        raise ProtocolError(f"not a status line: {lines[0][:60]!r}")
    fields = tuple(_parse_field(line) for line in lines[1:])
    values: dict[str, str] = {}
    for key, value in fields:
        if key == "content-length" and values.get(key, value) != value:
            raise ProtocolError(f"two lengths: {values[key]} and {value}")
        values[key] = value
    connection = values.get("connection", "").lower()
    closes = "close" in connection or (match[1] == b"0" and "keep-alive" not in connection)
    chunked = values.get("transfer-encoding", "").lower().endswith("chunked")
    status = int(match[2])
    length = None if chunked else _length(status, values.get("content-length"))
    encoding = values.get("content-encoding", "").lower()
    return Head(status, length, chunked, closes, encoding, fields)


def _parse_field(line: bytes) -> tuple[str, str]:
    key, colon, value = line.partition(b":")
    if not colon:
        raise ProtocolError(f"not a header: {line[:60]!r}")
    return key.decode("latin-1").strip().lower(), value.decode("latin-1").strip()


def _length(status: int, text: str | None) -> int | None:
    if status < _FIRST_FINAL or status in _NO_BODY:
        return 0
    if text is None:
        return None
    if not text.isdigit():
        raise ProtocolError(f"not a length: {text[:60]!r}")
    return int(text)


class HeadCache:
    """Remember the last heads: a server's answers differ by their date at most, so most heads are known."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def get(self, raw: bytes) -> Head:
        """Give the head of these bytes; raises ProtocolError."""
        head = self._heads.get(raw)
        if head is None:
            head = parse_head(raw)
            if len(self._heads) >= _KNOWN_HEADS:
                self._heads.clear()
            self._heads[raw] = head
        return head


class ResponseReader:
    """Read one answer at a time; `head` and `body` hold it once `feed` or `end` said so."""

    __slots__ = ("_buffer", "_chunks", "_expected", "_heads", "_keeps", "_kept", "body", "head", "headless", "size")

    def __init__(self, heads: HeadCache) -> None:
        self._heads = heads
        self._buffer = b""
        self.start(keeps=False, headless=False)

    def start(self, *, keeps: bool, headless: bool) -> None:
        """Get ready for the next answer; `keeps` its body, `headless` when it was asked for by HEAD."""
        self._keeps = keeps
        self.headless = headless
        self.head: Head | None = None
        self.body: bytes = b""
        self.size = 0

    @property
    def whole_head(self) -> Head:
        """Give the head of an answer that is whole; raises ProtocolError when there is none."""
        if self.head is None:
            raise ProtocolError("an answer without a head")
        return self.head

    @property
    def started(self) -> bool:
        """Tell whether any byte of the answer came."""
        return self.size > 0

    def feed(self, data: bytes) -> bool:
        """Take bytes; tell whether the answer is whole. Raises ProtocolError."""
        fresh = self.size == 0
        self.size += len(data)
        if fresh:
            end = data.find(b"\r\n\r\n") + 4
            if end > 3:  # noqa: PLR2004 - found
                head = self._heads.get(data[:end])
                if head.length == len(data) - end and head.status >= _FIRST_FINAL and not self.headless:
                    self.head = head
                    if self._keeps:
                        self.body = data[end:]
                    return True
            self._buffer = b""
        return self._feed_slowly(data)

    def end(self) -> bool:
        """Take the end of the connection; tell whether it made the answer whole."""
        head = self.head
        whole = head is not None and head.length is None and not head.chunked
        if whole:
            self.body = b"".join(self._kept)
        return whole

    def _feed_slowly(self, data: bytes) -> bool:
        if self.head is None:
            data = self._read_head(self._buffer + data)
            if self.head is None:
                return False
        whole = self._feed_chunks(data) if self.head.chunked else self._feed_length(data)
        if whole:
            self.body = b"".join(self._kept)
        return whole

    def _read_head(self, data: bytes) -> bytes:
        self._buffer = b""
        while True:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:  # noqa: PLR2004 - not found
                break
            head = self._heads.get(data[:end])
            data = data[end:]
            if head.status >= _FIRST_FINAL:
                self._begin_body(head)
                return data
        if len(data) > MAX_HEAD:
            raise ProtocolError(f"a head of more than {MAX_HEAD} bytes")
        if data[:7] != b"HTTP/1."[: len(data)]:
            raise ProtocolError(f"not HTTP: {data[:60]!r}")
        self._buffer = data
        return b""

    def _begin_body(self, head: Head) -> None:
        self.head = head
        self._kept: list[bytes] = []
        self._chunks = ChunkDecoder()
        self._expected = 0 if self.headless else head.length

    def _keep(self, data: bytes) -> None:
        if self._keeps and self.size <= MAX_KEPT:
            self._kept.append(data)

    def _feed_length(self, data: bytes) -> bool:
        if self._expected is None:
            self._keep(data)
            return False
        if len(data) > self._expected:
            raise ProtocolError(f"{len(data) - self._expected} bytes more than the answer's length")
        self._keep(data)
        self._expected -= len(data)
        return self._expected == 0

    def _feed_chunks(self, data: bytes) -> bool:
        if self.headless:
            return True
        for piece in self._chunks.feed(data):
            self._keep(piece)
        return self._chunks.done


def decode_body(head: Head, body: bytes) -> bytes:
    """Undo gzip; raises ProtocolError when it is none."""
    if head.encoding not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        inflater = zlib.decompressobj(wbits=47)
        return inflater.decompress(body, MAX_KEPT)
    except zlib.error as error:
        raise ProtocolError(f"{head.encoding} body: {error}") from error
