"""What the suites of the ports borrow: the cluster of tests/cluster."""

from tests.cluster.conftest import api, cluster, kubelet

__all__ = ["api", "cluster", "kubelet"]
