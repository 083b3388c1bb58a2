"""A real service with tokens, a catalog and something to look at."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.webhooks.served import Served, eventually, serving
from webhooks.access import make_token
from webhooks.access.tokens import read_scopes
from webhooks.store.sql import SqlStore, locate

PEOPLE = {"ann": "admin", "bob": "approve", "eve": "read"}
CATALOG = """
tests:
  long: {kind: command, argv: [sleep, "${seconds}"], timeout: 5m, parameters: {seconds: {type: integer}}}
  chatty:
    kind: command
    description: Writes what it is told to, a line at a time.
    argv: [sh, -c, "for i in 1 2 3; do echo line $i of $0; sleep 0.7; done", "${word}"]
    parameters: {word: {pattern: "[a-z]+", default: rain}}
  quick: {kind: command, argv: [echo, fine]}
gates:
  promotion: {approvals: 2, expires: 1h}
"""


@dataclass
class Premises:
    """Hold the service and the tokens of those who may look at it."""

    served: Served
    tokens: dict[str, str]
    folder: Path

    @property
    def url(self) -> str:
        return self.served.url

    def hook(self, name: str, canary: str = "ad", **metadata: str) -> tuple[int, str]:
        """Call a hook for a canary in the namespace weather."""
        payload = {
            "name": canary,
            "namespace": "weather",
            "phase": "Progressing",
            "checksum": "r2",
            "metadata": metadata,
        }
        return self.served.post(f"/hooks/{name}", payload)

    def start_run(self, canary: str, test: str, **parameters: str) -> str:
        """Start a run and give its id."""
        self.hook("pre-rollout", canary, test=test, wait="1ms", **parameters)
        return str(self.ask(f"/api/v1/runs?canary={canary}.weather&limit=1")["runs"][0]["id"])

    def ask(self, path: str) -> dict[str, list[dict[str, object]]]:
        """Ask the HTTP API as Ann."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.tokens['ann']}"})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            found: dict[str, list[dict[str, object]]] = json.load(answer)
        return found

    def state_of(self, run: str) -> object:
        """Give the state of a run."""
        return self.ask(f"/api/v1/runs/{run}")["state"]

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        """Open the service's own store."""
        opened = SqlStore(locate("", self.folder / "data"))
        yield opened
        opened.close()


@contextmanager
def opening(folder: Path) -> Iterator[Premises]:
    """Serve until the end of the block."""
    made = {name: make_token(name, read_scopes(scopes)) for name, scopes in PEOPLE.items()}
    (folder / "tokens").write_text("".join(f"{line}\n" for _, line in made.values()))
    (folder / "catalog.yaml").write_text(CATALOG)
    flags = ("--tokens", str(folder / "tokens"), "--catalog", str(folder / "catalog.yaml"))
    with serving(folder / "data", *flags) as served:
        premises = Premises(served, {name: token for name, (token, _) in made.items()}, folder)
        eventually(lambda: served.post("/healthz") == (200, "OK"), "an answer")
        yield premises
