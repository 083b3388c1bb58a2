"""Stand in for a cluster's API server that knows 1,000 Canaries in ten namespaces: get, list and an idle watch.

Run by hook_latency.py: it prints where it listens and serves until SIGTERM.
"""

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAMESPACES = 10
CANARIES = 100
_PARTS = 6
_WATCH_S = 30.0
_ended = threading.Event()


def canary(name: str, namespace: str) -> dict[str, Any]:
    """Write a Canary in mid-analysis whose confirm-promotion hook is ours."""
    hook = {"name": "gate", "type": "confirm-promotion", "url": "http://penstock/hooks/confirm-promotion"}
    webhooks = [hook | {"metadata": {"gate": "promotion"}}]
    return {
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": "1"},
        "spec": {"analysis": {"interval": "10s", "stepWeight": 10, "webhooks": webhooks}},
        "status": {"phase": "Progressing"},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer /apis/GROUP/VERSION/namespaces/NAMESPACE/canaries, with a name or `watch`."""
        path, _, query = self.path.partition("?")
        namespace, name = path.split("/")[5], path.split("/")[7:]
        if "watch=1" in query:
            _ended.wait(_WATCH_S)
            self._answer(b"")
        elif name:
            self._answer(json.dumps(canary(name[0], namespace)).encode())
        else:
            items = [canary(f"ad-{number}", namespace) for number in range(CANARIES)]
            self._answer(json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def main() -> int:
    """Serve until SIGTERM."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True

    def end(*_: object) -> None:
        _ended.set()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    print(f"listening at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever(0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
