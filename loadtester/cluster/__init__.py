"""Run a plan in a Kubernetes cluster: Locust's master and workers as Jobs that clean up after themselves.

The one rule to keep: everything of a run belongs to its master Job, so deleting that one leaves nothing behind.
"""

from loadtester.cluster.jobs import ClusterApi, ClusterRun
from loadtester.cluster.manifests import ClusterSettings, manifests, render

__all__ = ["ClusterApi", "ClusterRun", "ClusterSettings", "manifests", "render"]
