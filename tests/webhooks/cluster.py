"""As much of a cluster's API as access needs: reviews of tokens and rights, and Canaries."""

import json
from http.server import BaseHTTPRequestHandler

from tests.webhooks.loopback import JsonHandler, LoopbackServer


class Cluster(LoopbackServer):
    """Answer on loopback; `users` maps tokens to names, `rights` holds (user, verb, resource, namespace)."""

    def __init__(self) -> None:
        super().__init__(_Api)
        self.users: dict[str, str] = {}
        self.rights: set[tuple[str, str, str, str]] = set()
        self.canaries: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.broken = False
        self.missing = False


class _Api(JsonHandler, BaseHTTPRequestHandler):
    server: Cluster

    def do_POST(self) -> None:
        spec = json.loads(self.read_body())["spec"]
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
        self.answer(500 if self.server.broken else 404 if self.server.missing else status, document)
