"""Speak with the webhook service about one canary's releases, over its HTTP API.

An answer that says no is an answer; only a service that cannot answer now raises TemporaryError.
"""

import contextlib
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from workflows.errors import ConfigurationError, TemporaryError

TIMEOUT_S = 2.0
"""How long the service may take for an answer."""

_BUSY = 429
_TROUBLE = 500
_JSON = "application/json"
_MOST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """Carry what the service answered; `document` is empty where that was not a JSON object."""

    status: int
    document: dict[str, Any]

    @property
    def taken(self) -> bool:
        """Tell whether the service took what was sent."""
        return self.status == http.HTTPStatus.OK

    @property
    def detail(self) -> str:
        """Say why it did not, in its words."""
        return f"{self.status} {self.document.get('detail', '')}".strip()[:300]


class ReleaseService:
    """Be a client of the service at a URL; raises ConfigurationError for one that is none."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"--report-to: {url!r} is not an http or https URL, such as http://127.0.0.1:8080")
        self._parts = parts
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"

    def send(self, method: str, path: str, document: object) -> Reply:
        """Send a document to a path below /api/v1."""
        return self._exchange(method, path, json.dumps(document, allow_nan=False).encode(), _JSON)

    def send_lines(self, path: str, content: bytes) -> Reply:
        """Send JSON lines to a path below /api/v1, in place of those before."""
        return self._exchange("PUT", path, content, "application/x-ndjson")

    def ask(self, path: str) -> Reply:
        """Ask for what is at a path below /api/v1."""
        return self._exchange("GET", path, None, _JSON)

    def _exchange(self, method: str, path: str, body: bytes | None, kind: str) -> Reply:
        secure = self._parts.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            connection = connect(self._parts.hostname or "", self._parts.port, timeout=TIMEOUT_S)
            with contextlib.closing(connection):
                where = f"{self._parts.path.rstrip('/')}/api/v1{path}"
                connection.request(method, where, body, {**self._headers, "Content-Type": kind})
                answer = connection.getresponse()
                reply = Reply(answer.status, _read(answer.read(_MOST)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TemporaryError(f"{self.url} does not answer ({str(error) or type(error).__name__})") from error
        if reply.status == _BUSY or reply.status >= _TROUBLE:
            raise TemporaryError(f"{self.url} answered {reply.detail}")
        return reply


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
