"""A running `penstock loadtester` in a folder of its own, and what the tests ask it."""

import contextlib
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.webhooks.served import PATIENCE_S, ROOT, Served, command

Answer = tuple[int, str | None, str]


@dataclass
class StandIn(Served):
    """A running loadtester."""

    folder: Path = Path()

    def ask(self, path: str, body: str | bytes = b"", method: str = "POST") -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body.encode() if isinstance(body, str) else body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type"), answer.read().decode()

    def task(self, *, checksum: str = "r2", name: str = "ad", **metadata: str) -> Answer:
        return self.ask("/", payload(name, checksum=checksum, metadata=metadata))

    def count(self, file: str) -> int:
        with contextlib.suppress(OSError):
            return len((self.folder / file).read_text().splitlines())
        return 0

    def log(self) -> str:
        return (self.folder / "log").read_text()


def payload(name: str = "ad", namespace: str = "weather", **more: Any) -> str:
    return json.dumps({"name": name, "namespace": namespace, "phase": "Progressing", "checksum": "r2", **more})


@contextlib.contextmanager
def loading(folder: Path, *flags: str, argv: tuple[str, ...] = ("loadtester", "-port=0")) -> Iterator[StandIn]:
    """Run a loadtester in a folder until the end of the block."""
    environ = {**os.environ, "PENSTOCK_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            command(*argv, *flags), stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env=environ
        )
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("listening at ").strip()
    tester = StandIn(process, url, folder / ".penstock/loadtester", folder)
    try:
        yield tester.settle()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        process.stdout.close()
