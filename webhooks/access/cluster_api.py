"""Reach the cluster with Kubernetes' own client, which is imported when the first question is asked."""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from webhooks.errors import ClusterError

_REQUEST_S = 5.0
_NOT_FOUND = 404


class ClusterApi:
    """Hold the client, configured as kubectl or the pod is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None

    def client(self) -> Any:
        """Give the module of the client; raises ClusterError without a configuration."""
        with self._lock:
            if self._client is None:
                _configure(import_module("kubernetes.config"))
                self._client = import_module("kubernetes.client")
            return self._client


def _configure(config: Any) -> None:
    try:
        config.load_incluster_config()
    except config.ConfigException:
        try:
            config.load_kube_config()
        except (config.ConfigException, OSError) as error:
            told = f"no cluster is configured ({error}); give the pod a service account, or KUBECONFIG"
            raise ClusterError(told) from error


def call(function: Callable[..., Any], *arguments: object) -> Any:
    """Ask the cluster and give its answer, None when there is no such object; raises ClusterError."""
    try:
        return function(*arguments, _request_timeout=_REQUEST_S)
    except Exception as error:
        # The client raises whatever its HTTP library does; only a missing object is an answer.
        status = getattr(error, "status", None)
        if status == _NOT_FOUND:
            return None
        raise ClusterError(f"the cluster did not answer ({status or type(error).__name__})") from error
