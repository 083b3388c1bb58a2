"""What the tests of verdicts share: a Prometheus that has counted both arms, and a service beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.verdicts.two_arms import Prometheus, counting
from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with counting() as server:
        yield server


@pytest.fixture
def client(prometheus: Prometheus, tmp_path: Path) -> Iterator[FlaskClient]:
    """A service that counts by a Prometheus and sees no cluster."""
    app = serving.create(Settings(data_dir=tmp_path / "serve"), prometheus=prometheus.url)
    yield app.test_client()
    app.extensions[SERVICE].store.close()
