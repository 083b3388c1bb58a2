"""A small Kubernetes API in this process: one Job at a time, whose pod does what the test says."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.webhooks.loopback import JsonHandler, LoopbackServer


class ClusterApi(LoopbackServer):
    """Hold Jobs by name; `log` and `status` are what their pods write and end with, once `ending` is set."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.created: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.log = b"hello\n"
        self.status = 0
        self.waiting = ""
        self.failure = ""
        self.refusal = 0
        self.ending = threading.Event()
        self.ending.set()

    def state(self) -> dict[str, Any]:
        """Give the state of the pod's container."""
        if self.waiting:
            return {"waiting": {"reason": self.waiting, "message": "as the test says"}}
        if self.ending.is_set():
            return {"terminated": {"exitCode": self.status}}
        return {"running": {}}


class _Handler(JsonHandler, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ClusterApi

    def do_POST(self) -> None:
        manifest = json.loads(self.read_body())
        name = manifest["metadata"]["name"]
        if self.server.refusal or name in self.server.jobs:
            self.answer(self.server.refusal or 409, {"reason": "no"})
            return
        self.server.jobs[name] = manifest
        self.server.created.append(manifest)
        self.answer(201, manifest)

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path.endswith("/log"):
            self._send_log()
        elif path.path.endswith("/pods"):
            job = parse_qs(path.query)["labelSelector"][0].removeprefix("job-name=")
            self.answer(200, {"kind": "PodList", "items": [self._pod(job)] if job in self.server.jobs else []})
        else:
            condition = {"type": "Failed", "status": "True", "reason": self.server.failure, "message": "too long"}
            status = {"conditions": [condition]} if self.server.failure else {}
            self.answer(200, {"kind": "Job", "metadata": {"name": "j"}, "status": status})

    def do_DELETE(self) -> None:
        name = urlsplit(self.path).path.rpartition("/")[2]
        self.server.deleted.append(name)
        found = self.server.jobs.pop(name, None)
        self.answer(200 if found else 404, {"kind": "Status"})

    def _pod(self, job: str) -> dict[str, Any]:
        state = {"name": "test", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
        return {
            "metadata": {"name": f"{job}-x"},
            "status": {"containerStatuses": [state | {"state": self.server.state()}]},
        }

    def _send_log(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.log)
        self.wfile.flush()
        deadline = time.monotonic() + 30
        while not (self.server.ending.wait(0.05) or self.server.closing.is_set() or time.monotonic() > deadline):
            pass
        self.close_connection = True
