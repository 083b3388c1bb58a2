"""One request to an API server and its answer, apart from how they travel."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from tests.cluster.resources import Manifest

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    """Path and query, as they stand in the request's first line."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    pieces: Iterator[bytes] | None = None
    """In place of a body: what is sent bit by bit, as for a watch."""

    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": _JSON})

    @classmethod
    def of(cls, content: Manifest, status: int = HTTPStatus.OK) -> "Answer":
        return cls(status, json.dumps(content).encode())

    @classmethod
    def text(cls, content: str, status: int = HTTPStatus.OK) -> "Answer":
        return cls(status, content.encode(), headers={"content-type": "text/plain; charset=utf-8"})


class Backend(Protocol):
    """What stands behind the front door: the small server, or the way to a real one."""

    def answer(self, request: Request, ended: Callable[[], bool]) -> Answer:
        """Carry a request out; a watch goes on until `ended`."""
        ...

    def close(self) -> None:
        """End what is under way."""
        ...


NO_PAGE = "404 page not found\n"
"""What the real server says, in plain text, where no API is served at all."""
