"""Undo the chunked coding of a body, in pieces of any size, holding no more than one line of it."""

import enum

from loadtester.engine.errors import ProtocolError

_MAX_LINE = 4096
_MAX_TRAILER = 65536


class _Phase(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILER = enum.auto()
    DONE = enum.auto()


class ChunkDecoder:
    """Decode one body; `done` once its last chunk and trailer were read."""

    __slots__ = ("_held", "_left", "_phase", "_trailer")

    def __init__(self) -> None:
        self._phase = _Phase.SIZE
        self._held = b""
        self._left = 0
        self._trailer = 0

    @property
    def done(self) -> bool:
        """Tell whether the body is whole."""
        return self._phase is _Phase.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """Take coded bytes and give the plain ones; raises ProtocolError."""
        pieces: list[bytes] = []
        data = self._held + data
        self._held = b""
        while data and not self.done:
            if self._phase is _Phase.DATA:
                pieces.append(data[: self._left])
                self._left -= len(pieces[-1])
                data = data[len(pieces[-1]) :]
                self._phase = _Phase.DATA if self._left else _Phase.DATA_END
                continue
            line, mark, rest = data.partition(b"\r\n")
            if not mark:
                self._hold(data)
                return pieces
            self._take(line)
            data = rest
        return pieces

    def _hold(self, data: bytes) -> None:
        if len(data) > _MAX_LINE:
            raise ProtocolError(f"not a chunk: {data[:60]!r}")
        self._held = data

    def _take(self, line: bytes) -> None:
        if self._phase is _Phase.SIZE:
            self._left = _chunk_size(line)
            self._phase = _Phase.DATA if self._left else _Phase.TRAILER
        elif self._phase is _Phase.DATA_END:
            if line:
                raise ProtocolError(f"a chunk without its end: {line[:60]!r}")
            self._phase = _Phase.SIZE
        else:
            self._trailer += len(line)
            if self._trailer > _MAX_TRAILER:
                raise ProtocolError(f"a trailer of more than {_MAX_TRAILER} bytes")
            self._phase = _Phase.TRAILER if line else _Phase.DONE


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        return int(digits, 16) if digits.isalnum() else int("", 16)
    except ValueError:
        raise ProtocolError(f"not a chunk size: {line[:60]!r}") from None
