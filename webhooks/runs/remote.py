"""Reach the runs of a service over HTTP, for a runner that stands apart from it and has a token for this alone.

What the service refuses or cannot answer is a StoreError, as with any store, and is tried again.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Collection
from http.client import HTTPException
from pathlib import Path
from typing import Any

from webhooks.errors import SettingsError, StoreError
from webhooks.store import documents
from webhooks.store.records import Run, RunState

_PATIENCE_S = 10.0
_PIECE = 1024 * 1024
_REFUSED = frozenset({401, 403})
_GONE = frozenset({404, 409})
_OK = 200
_SHOWN = 200


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follow nobody elsewhere: the token is for the service alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Service:
    """Ask the service; the token is read anew each time, since a cluster replaces it."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._url = url.rstrip("/") + "/runner/v1"
        self._token_file = token_file
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Give the status and what was answered with it, nothing for what is gone; raises StoreError."""
        status, content = self.send(method, path, body)
        if status in _GONE:
            return status, {}
        if status != _OK:
            told = content[:_SHOWN].decode(errors="replace").strip()
            raise StoreError(f"{self._url}{path} answered {status}: {told}")
        try:
            document: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise StoreError(f"{self._url}{path} is not answered by a penstock serve --runner apart") from error
        return status, document

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Give the status and the body of an answer; raises StoreError."""
        try:
            headers = {"Authorization": f"Bearer {self._token_file.read_text().strip()}"}
            request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310 - checked by whoever makes us
            with self._opener.open(request, timeout=_PATIENCE_S) as answer:
                return int(answer.status), bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except (OSError, HTTPException, UnicodeError) as error:
            raise StoreError(f"{self._url}: {error}") from error


class RemoteStore:
    """Be the part of a store that a runner needs."""

    def __init__(self, url: str, token_file: Path) -> None:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"service: {url!r} is not an http or https URL")
        self._service = _Service(url, token_file)
        self.runs = RemoteRuns(self._service)
        self.logs = RemoteLogs(self._service)

    def check(self) -> None:
        """Raise SettingsError when the service refuses us for good, StoreError when it cannot be reached."""
        status, content = self._service.send("GET", "/runs")
        if status in _REFUSED:
            told = content[:_SHOWN].decode(errors="replace").strip()
            raise SettingsError(f"token-file: refused by the service ({told})")
        if status in _GONE:
            raise SettingsError("service: it runs its tests itself; start it with --runner apart")


class RemoteRuns:
    """Find and change runs."""

    def __init__(self, service: _Service) -> None:
        self._service = service

    def find(self, run_id: str) -> Run | None:
        """Give a run by its id."""
        return _read_answer(self._service.ask("GET", f"/runs/{run_id}")[1])

    def select(self, states: Collection[RunState]) -> tuple[Run, ...]:
        """List the runs in these states, oldest first; only those under way are known here."""
        found = map(_read, self._service.ask("GET", "/runs")[1].get("runs", []))
        return tuple(run for run in found if run.state in states)

    def save(self, run: Run) -> Run | None:
        """Keep a changed run and give it with its new version; None when somebody else changed it meanwhile."""
        return _read_answer(self._service.ask("PUT", f"/runs/{run.id}", documents.write_run(run).encode())[1])

    def prune(self, before: float, keep: int) -> None:  # noqa: ARG002 - the service goes by its own settings
        """Have the service forget old runs."""
        self._service.ask("POST", "/prune", b"")


class RemoteLogs:
    """Bring logs."""

    def __init__(self, service: _Service) -> None:
        self._service = service

    def append(self, run_id: str, content: bytes, limit: int) -> int:
        """Add to the log of a run until `limit` bytes are kept; gives how many are now, all when nobody wants them."""
        size = 0
        for start in range(0, max(1, len(content)), _PIECE):
            path = f"/runs/{run_id}/log?limit={limit}"
            _, answer = self._service.ask("POST", path, content[start : start + _PIECE])
            size = int(answer.get("size", limit))
        return size


def _read_answer(answer: dict[str, Any]) -> Run | None:
    return _read(answer["run"]) if "run" in answer else None


def _read(document: str) -> Run:
    try:
        return documents.read_run(document, int(json.loads(document)["version"]))
    except (ValueError, LookupError, TypeError) as error:
        raise StoreError("a run of the service cannot be read; use a runner of the same version") from error
