"""Chain the lines of a journal: each carries the hash of the one before it and, last of all, its own.

A line is one JSON object: `{"line": 3, "prev": "...", "kind": "tick", ..., "hash": "..."}`. `hash` is the SHA-256 of
the line's bytes without that member, `prev` the hash of the line before (zeros for the first). The one rule to keep:
hashes are taken of bytes, so that no byte can change unseen. They show a change; they do not say who made it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

GENESIS = "0" * 64
"""What stands for the hash of the line before the first."""

RESUMED = "resumed"
"""The kind of the line that a resumed run begins with; it answers for unfinished lines before it."""

MOST_TORN = 16
"""How many unfinished lines in a row are taken for the traces of crashes."""

_SEAL = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')


@dataclass(frozen=True, slots=True)
class Mark:
    """Say where the chain stands: how many lines there are, and the hash of the last whole one."""

    lines: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Torn:
    """Describe a line that was never finished, as a crash leaves it: its length and the hash of its bytes."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line whose hashes are right."""

    number: int
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """Say which line is the first that is not right, and why; `torn` when a crash would leave it so."""

    number: int
    reason: str
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Hold the lines up to the first fault; `torn` lists unfinished lines, `healed` those a resumed run answers for."""

    lines: tuple[Line, ...] = ()
    mark: Mark = Mark()
    fault: Fault | None = None
    torn: tuple[Torn, ...] = ()
    healed: tuple[int, ...] = ()


def seal(document: Mapping[str, object], mark: Mark) -> tuple[bytes, Mark]:
    """Write the line that follows a mark, with its end of line, and give the mark after it."""
    number = mark.lines + 1
    body = json.dumps({"line": number, "prev": mark.hash, **document}, separators=(",", ":"), allow_nan=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + f',"hash":"{digest}"}}\n'.encode(), Mark(number, digest)


def sealed(line: bytes) -> bool:
    """Tell whether a line ends as a whole one does."""
    return _SEAL.search(line) is not None


def scan(data: bytes) -> Chain:
    """Follow the chain from the first line to the first fault."""
    follower = _Follower()
    *ended, rest = data.split(b"\n")
    for line in ended:
        follower.take(line)
        if follower.fault:
            return follower.chain()
    if rest:
        follower.take(rest)
        follower.fault = follower.fault or Fault(len(ended) + 1, "the end of the line is missing", torn=True)
    return follower.chain()


class _Follower:
    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._lines: list[Line] = []
        self._healed: list[int] = []
        self._torn: list[Torn] = []
        self._mark = Mark()

    def take(self, line: bytes) -> None:
        """Take one line without its end."""
        if not sealed(line) and len(self._torn) < MOST_TORN:
            self._torn.append(Torn(len(line), hashlib.sha256(line).hexdigest()))
            return
        first = self._mark.lines + 1
        number = first + len(self._torn)
        try:
            document, digest = unseal(line)
            self._check(document, number)
        except ValueError as error:
            self.fault = Fault(first, self._describe_torn()) if self._torn else Fault(number, str(error))
            return
        self._healed += range(first, number)
        self._torn.clear()
        self._lines.append(Line(number, document))
        self._mark = Mark(number, digest)

    def _check(self, document: Mapping[str, object], number: int) -> None:
        if document.get("prev") != self._mark.hash:
            raise ValueError(f"does not follow line {self._mark.lines}: lines were changed, taken out or put in")
        if document.get("line") != number:
            raise ValueError(f"calls itself line {document.get('line')!r}")
        if self._torn and not _answers_for(document, self._torn):
            raise ValueError("does not answer for the unfinished lines before it")

    def _describe_torn(self) -> str:
        return f"was not finished ({self._torn[0].length} bytes without a hash at their end)"

    def chain(self) -> Chain:
        """Give what was found."""
        fault = self.fault
        if self._torn and (fault is None or fault.torn):
            fault = Fault(self._mark.lines + 1, f"{self._describe_torn()}, as a crash leaves it", torn=True)
        return Chain(tuple(self._lines), self._mark, fault, tuple(self._torn), tuple(self._healed))


def unseal(line: bytes) -> tuple[Mapping[str, object], str]:
    """Read one line, without its end, and check its own hash; raises ValueError with the reason."""
    found = _SEAL.search(line)
    if not found:
        raise ValueError("has no hash at its end")
    body = line[: found.start()] + b"}"
    digest = hashlib.sha256(body).hexdigest()
    if digest != found[1].decode():
        raise ValueError("does not match its own hash: it was changed after it was written")
    try:
        # What ends with a brace is an object, if it is JSON at all.
        document: dict[str, object] = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error})") from error
    return document, digest


def _answers_for(document: Mapping[str, object], torn: Sequence[Torn]) -> bool:
    told = document.get("torn")
    return document.get("kind") == RESUMED and told == list(describe(torn))


def describe(torn: Sequence[Torn]) -> Iterator[dict[str, object]]:
    """Write unfinished lines as a `resumed` line lists them."""
    return ({"length": line.length, "sha256": line.sha256} for line in torn)
