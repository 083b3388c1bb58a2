"""In a pod the service account is the connection; nothing of the kubernetes package is loaded for it."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from workflows.cluster import connection
from workflows.cluster.kinds import SERVICE

CERTIFICATE = Path(__file__).parents[1] / "loopback.pem"


class Door(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["authorization"]))
        body = b'{"items": []}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    """A pod's world: the server's address in the environment, the account's files in their folder."""
    server = HTTPServer(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    (tmp_path / "ca.crt").write_bytes(CERTIFICATE.read_bytes())
    (tmp_path / "token").write_text("first\n")
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_address[1]))
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.mark.usefixtures("server")
def test_a_pod_speaks_with_the_token_it_has_now(tmp_path: Path) -> None:
    Door.seen.clear()
    cluster = connection.connect()
    cluster.list(SERVICE, "test")
    (tmp_path / "token").write_text("renewed")

    cluster.list(SERVICE, "test")

    assert Door.seen == [("/api/v1/namespaces/test/services", f"Bearer {token}") for token in ("first", "renewed")]


@pytest.mark.usefixtures("server")
def test_an_address_of_six_is_put_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")

    assert connection.connect()._url.startswith("https://[::1]:")


@pytest.mark.usefixtures("server")
def test_a_kubeconfig_comes_before_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / ".kube" / "config"
    config.parent.mkdir()
    config.write_text('{"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}], "users": [],')
    monkeypatch.setenv("KUBECONFIG", str(config))

    with pytest.raises(connection.ConfigurationError, match="no cluster is configured"):
        connection.connect()
