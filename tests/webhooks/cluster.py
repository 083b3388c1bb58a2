"""As much of a cluster's API as access needs: reviews of tokens and rights, and Canaries."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class Cluster(ThreadingHTTPServer):
    """Answer on loopback; `users` maps tokens to names, `rights` holds (user, verb, resource, namespace)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.users: dict[str, str] = {}
        self.rights: set[tuple[str, str, str, str]] = set()
        self.canaries: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.broken = False
        self.missing = False
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    def write_config(self, path: Path) -> str:
        """Write a kubeconfig that leads here and give its path."""
        url = f"http://127.0.0.1:{self.server_address[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": url}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
            "users": [{"name": "here", "user": {}}],
        }
        path.write_text(json.dumps(config))
        return str(path)


class _Api(BaseHTTPRequestHandler):
    server: Cluster

    def do_POST(self) -> None:
        spec = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["spec"]
        self.server.asked.append(self.path)
        if self.path.endswith("/tokenreviews"):
            name = self.server.users.get(spec["token"])
            status = {
                "authenticated": name is not None,
                "user": {"username": name, "groups": ["pipelines"], "uid": "7"},
            }
        else:
            wanted = spec["resourceAttributes"]
            key = (spec["user"], wanted["verb"], wanted["resource"], wanted.get("namespace", ""))
            status = {"allowed": key in self.server.rights}
        self._answer(201, {"spec": spec, "status": status})

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = self.path.split("/")  # /apis/flagger.app/v1beta1/namespaces/NAMESPACE/canaries/NAME
        found = self.server.canaries.get(f"{parts[5]}/{parts[7]}")
        self._answer(404 if found is None else 200, found or {"message": "not found"})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(500 if self.server.broken else 404 if self.server.missing else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
