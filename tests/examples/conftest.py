"""What the tests of examples share: a service beside a Prometheus that has counted both arms, and a cluster."""

from tests.cluster.conftest import api, cluster, kubelet, real_server, small_api, unreleased
from tests.verdicts.conftest import app, counter, prometheus, service

__all__ = [
    "api",
    "app",
    "cluster",
    "counter",
    "kubelet",
    "prometheus",
    "real_server",
    "service",
    "small_api",
    "unreleased",
]
