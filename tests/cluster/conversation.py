"""Speak HTTP to a server under test without our client in between: status and body as they come."""

import json
from dataclasses import dataclass
from typing import Any

import requests

from tests.cluster.api_server import ApiServer
from tests.cluster.resources import Manifest

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content: Any
    """JSON where the server sends it, else text."""

    @property
    def message(self) -> str:
        return str(self.content["message"])

    @property
    def reason(self) -> str:
        return str(self.content["reason"])


class Conversation:
    """Ask as the administrator, or as whose token is given."""

    def __init__(self, api: ApiServer, token: str = "") -> None:
        self._url = api.url
        self._token = token or api.token

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Reply:
        headers = {"authorization": f"Bearer {self._token}", "content-type": kind}
        data = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        answer = requests.request(method, self._url + path, data=data, headers=headers, timeout=_PATIENCE_S)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else answer.text)

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def post(self, path: str, body: Any) -> Reply:
        return self.ask("POST", path, body)

    def put(self, path: str, body: Any) -> Reply:
        return self.ask("PUT", path, body)

    def merge(self, path: str, change: Any) -> Reply:
        return self.ask("PATCH", path, change, "application/merge-patch+json")

    def delete(self, path: str, options: Manifest | None = None) -> Reply:
        return self.ask("DELETE", path, options)

    def watch(self, path: str, query: str = "", seconds: int = 1) -> list[Manifest]:
        """All events of a watch of so many seconds."""
        headers = {"authorization": f"Bearer {self._token}"}
        url = f"{self._url}{path}?watch=1&timeoutSeconds={seconds}&{query}"
        answer = requests.get(url, headers=headers, timeout=_PATIENCE_S)
        return [json.loads(line) for line in answer.text.splitlines()]
