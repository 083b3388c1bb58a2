"""Play the agent of Argo Workflows towards one plugin: what it sends, what it makes of answers, when it asks again.

Read from argo-workflows 4.1.2, workflow/executor/agent.go. Its waits are shortened by `pace`; between two of them
`meanwhile` is called, so that a test can let time pass.
"""

import http.client
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATH = "/api/v1/template.execute"
TOKEN = "the-token-of-this-agent-pod-00000"  # noqa: S105 - of no agent that lives
FINAL = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
_ATTEMPTS, _TURNS = 5, 2000


@dataclass
class Agent:
    """Run templates by a plugin; `results` holds every result that was sent to the controller, by node."""

    url: str
    meanwhile: Callable[[], None] = lambda: None
    token: str = TOKEN
    pace: float = 0.01
    uid: str = "6f1d2c9a-uid"
    copies: int = 1
    unsupported: bool = False
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    requeues: list[tuple[str, str]] = field(default_factory=list)

    def run(self, node: str, body: dict[str, Any], name: str = "penstock") -> dict[str, Any]:
        """Execute one node's template until it is over, and give its result."""
        for _ in range(_TURNS):
            reply = self.deliver(node, body, name)
            if reply is None:
                return self._send(node, {"phase": "Failed", "message": "no plugin executed the template"})
            found = self._take(node, reply)
            if "requeue" not in reply:
                assert found.get("phase") in FINAL, f"{node} would never be asked for again: {reply}"
                return found
            assert found.get("phase") not in FINAL, f"{node} could come back to life: {reply}"
            self.meanwhile()
            threading.Event().wait(_seconds(reply["requeue"]) * self.pace)
        raise AssertionError(f"{node} never ends: {self.results[node][-1]}")

    def deliver(self, node: str, body: dict[str, Any], name: str = "penstock") -> dict[str, Any] | None:
        """Send a template once, as often as `copies` says at the same time; None where the plugin does not know it."""
        if self.unsupported:
            return None
        text = json.dumps(self._describe(node, body, name))
        replies: list[dict[str, Any] | None] = []
        callers = [threading.Thread(target=lambda: replies.append(self._try(text))) for _ in range(self.copies)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
        assert len(replies) == self.copies
        return replies[-1]

    def _describe(self, node: str, body: dict[str, Any], name: str) -> dict[str, Any]:
        metadata = {"name": "release-ad-x7k2p", "namespace": "test", "uid": self.uid}
        filled = json.loads(json.dumps(body).replace("{{node.name}}", node))
        template = {"name": "stage", "inputs": {}, "outputs": {}, "metadata": {}, "plugin": {name: filled}}
        return {"workflow": {"metadata": metadata}, "template": template}

    def _take(self, node: str, reply: dict[str, Any]) -> dict[str, Any]:
        self.requeues.append((node, reply.get("requeue", "")))
        found = reply.get("node") or {}
        return self._send(node, found) if found.get("phase") else found

    def _send(self, node: str, result: dict[str, Any]) -> dict[str, Any]:
        self.results.setdefault(node, []).append(result)
        return result

    def _try(self, text: str) -> dict[str, Any] | None:
        trouble = ""
        for attempt in range(_ATTEMPTS):
            try:
                status, answer = self.post(text)
            except OSError as error:
                trouble = str(error)
            else:
                if status == 200:
                    return json.loads(answer) or None
                if status == 404:
                    self.unsupported = True
                    return None
                if status != 503:
                    return {"node": {"phase": "Failed", "message": f"{status}: {answer}"}}
                trouble = answer
            self.meanwhile()
            threading.Event().wait(2**attempt * self.pace)
        return {"node": {"phase": "Failed", "message": trouble}}

    def post(self, text: str | bytes) -> tuple[int, str]:
        """Send a body once."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
            connection.request("POST", PATH, text, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found, f"not a duration that we write: {duration}"
    return float(found[1])
