"""Reach the cluster with Kubernetes' own client, which is imported when the first question is asked.

Objects are read as JSON over the client's connections; its models are for reviews alone.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from webhooks.errors import ClusterError

_REQUEST_S = 5.0
_FORBIDDEN = 403
_NOT_FOUND = 404
_OK = 200


class ForbiddenError(ClusterError):
    """Say what the service may not read."""


class ClusterApi:
    """Hold the client, configured as kubectl or the pod is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._api: Any = None

    def client(self) -> Any:
        """Give the module of the client; raises ClusterError without a configuration."""
        with self._lock:
            if self._client is None:
                _configure(import_module("kubernetes.config"))
                self._client = import_module("kubernetes.client")
                self._api = self._client.ApiClient()
            return self._client

    def read(self, path: str) -> Mapping[str, Any] | None:
        """Give an object, None when there is none; raises ClusterError."""
        with _told():
            response = self._ask(path, {}, _REQUEST_S)
            if response.status == _NOT_FOUND:
                return None
            _check(response.status, path)
            return _read_object(response.data)

    def watch(self, path: str, query: Mapping[str, str], seconds: int) -> Iterator[Mapping[str, Any]]:
        """Give what happens to the objects of a list until the cluster ends the watch; raises ClusterError."""
        asked = {**query, "watch": "1", "timeoutSeconds": str(seconds)}
        with _told():
            response = self._ask(path, asked, seconds + _REQUEST_S, stream=True)
            try:
                _check(response.status, path)
                yield from _read_lines(response)
            finally:
                response.close()

    def _ask(self, path: str, query: Mapping[str, str], patience_s: float, *, stream: bool = False) -> Any:
        self.client()
        settings = self._api.configuration
        # Asked for at each call: tokens of service accounts are renewed.
        bearer = settings.auth_settings().get("BearerToken", {}).get("value")
        return self._api.rest_client.pool_manager.request(
            "GET",
            settings.host.rstrip("/") + path,
            fields=query,
            headers={"accept": "application/json"} | ({"authorization": bearer} if bearer else {}),
            timeout=patience_s,
            retries=False,
            preload_content=not stream,
        )


def _read_lines(response: Any) -> Iterator[Mapping[str, Any]]:
    rest = b""
    for piece in response.stream(amt=None, decode_content=True):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (_read_object(line) for line in lines if line.strip())


def _read_object(text: bytes) -> Mapping[str, Any]:
    document = json.loads(text)
    return document if isinstance(document, dict) else {}


def _check(status: int, path: str) -> None:
    if status == _FORBIDDEN:
        raise ForbiddenError(f"the service may not read {path}; give its service account the right")
    if status != _OK:
        raise ClusterError(f"the cluster did not answer ({status})")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClusterError:
        raise
    except Exception as error:
        # Whatever its HTTP library raises, the cluster gave no answer.
        raise ClusterError(f"the cluster did not answer ({type(error).__name__})") from error


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
