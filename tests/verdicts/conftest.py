"""What the tests of verdicts share: a Prometheus that has counted both arms, and a service beside it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from tests.verdicts.two_arms import Prometheus, counting
from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with counting() as server:
        yield server


@pytest.fixture
def app(prometheus: Prometheus, tmp_path: Path) -> Iterator[Flask]:
    """A service that counts by a Prometheus and sees no cluster."""
    made = serving.create(Settings(data_dir=tmp_path / "serve"), prometheus=prometheus.url)
    yield made
    made.extensions[SERVICE].store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def service(app: Flask) -> Iterator[str]:
    """The same service at an address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()
