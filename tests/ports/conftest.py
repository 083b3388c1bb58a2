"""What the suites of the ports borrow: the cluster of tests/cluster, on its small server."""

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.conftest import cluster, kubelet, small_api

__all__ = ["cluster", "kubelet", "small_api"]


@pytest.fixture
def api(small_api: ApiServer) -> ApiServer:
    """Give the small server: a fixture that is asked for by name cannot have two of them."""
    return small_api
