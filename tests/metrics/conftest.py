"""What the tests of metrics share: a server that plays a provider's."""

from collections.abc import Iterator

import pytest

from tests.metrics.metrics_server import MetricsServer, serve


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with serve() as running:
        yield running
