"""What the tests of verdicts share: a Prometheus that has counted both arms, and a service beside it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.verdicts.listening import listening
from tests.verdicts.two_arms import Prometheus, Traffic, counting
from webhooks.app import SERVICE
from webhooks.settings import Settings
from workflows import serving


@pytest.fixture(scope="session")
def counter() -> Iterator[Prometheus]:
    with counting() as server:
        yield server


@pytest.fixture
def prometheus(counter: Prometheus) -> Prometheus:
    """The counter with its usual traffic: a canary that is as good as the primary."""
    counter.traffic = Traffic()
    return counter


@pytest.fixture(scope="session")
def app(counter: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A service that counts by a Prometheus and sees no cluster; it keeps nothing of what it is asked."""
    made = serving.create(Settings(data_dir=tmp_path_factory.mktemp("serve")), prometheus=counter.url)
    yield made
    made.extensions[SERVICE].store.close()


@pytest.fixture
def client(app: Flask, prometheus: Prometheus) -> FlaskClient:
    assert prometheus.url
    return app.test_client()


@pytest.fixture(scope="session")
def service(app: Flask) -> Iterator[str]:
    """The same service at an address."""
    with listening(app) as url:
        yield url
