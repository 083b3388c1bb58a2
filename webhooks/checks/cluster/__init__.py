"""Run tests as Kubernetes Jobs: a container of the user's image, or any test in our own image without a token."""

from webhooks.checks.cluster.orders import prepare_container, prepare_elsewhere, read_trouble

__all__ = ["prepare_container", "prepare_elsewhere", "read_trouble"]
