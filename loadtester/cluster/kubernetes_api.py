"""Reach a Kubernetes cluster with the official client, which is imported only when a run goes there."""

import contextlib
from collections.abc import Iterator
from importlib import import_module
from threading import Event
from time import monotonic
from typing import Any

from loadtester.errors import EngineError

_LOOK_S = 0.5
_REQUEST_S = 30
_NOT_FOUND = 404


class KubernetesApi:
    """Create, follow and delete a run's objects with the configuration that kubectl or the pod has."""

    def __init__(self) -> None:
        self._client: Any = import_module("kubernetes.client")
        config: Any = import_module("kubernetes.config")
        self._pause = Event()
        try:
            config.load_config()
        except (config.ConfigException, OSError) as error:
            raise EngineError(
                f"cluster: no configuration ({error}); is there a kubeconfig or a service account?"
            ) from error
        self._batch = self._client.BatchV1Api()
        self._core = self._client.CoreV1Api()
        self._network = self._client.NetworkingV1Api()

    @contextlib.contextmanager
    def _wrapped(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._client.ApiException as error:
            raise EngineError(f"cluster: {what}: {error.status} {error.reason}") from error
        except Exception as error:
            raise EngineError(f"cluster: {what}: {error}") from error

    def create(self, manifest: dict[str, Any]) -> str:
        """Create an object and give its uid."""
        kind, namespace = manifest["kind"], manifest["metadata"]["namespace"]
        create = {
            "Job": self._batch.create_namespaced_job,
            "ConfigMap": self._core.create_namespaced_config_map,
            "Service": self._core.create_namespaced_service,
            "NetworkPolicy": self._network.create_namespaced_network_policy,
        }[kind]
        with self._wrapped(f"create {kind} {manifest['metadata']['name']}"):
            return str(create(namespace, manifest, _request_timeout=_REQUEST_S).metadata.uid)

    def follow_log(self, job: str, namespace: str, deadline_s: float) -> Iterator[bytes]:
        """Give the lines that the Job's pod writes, until it ends or the deadline is over."""
        until = monotonic() + deadline_s
        pod = self._pod_of(job, namespace, until)
        with self._wrapped(f"log of pod {pod}"):
            answer = self._core.read_namespaced_pod_log(
                pod, namespace, follow=True, _preload_content=False, _request_timeout=max(until - monotonic(), 1.0)
            )
            rest = b""
            for piece in answer.stream():
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
            yield rest

    def _pod_of(self, job: str, namespace: str, until: float) -> str:
        while monotonic() < until:
            with self._wrapped(f"pods of job {job}"):
                pods = self._core.list_namespaced_pod(
                    namespace, label_selector=f"job-name={job}", _request_timeout=_REQUEST_S
                ).items
            ready = [pod.metadata.name for pod in pods if pod.status.phase != "Pending"]
            if ready:
                return str(ready[0])
            self._pause.wait(_LOOK_S)
        raise EngineError(f"cluster: no pod of job {job} started in time")

    def delete_job(self, job: str, namespace: str) -> None:
        """Delete a Job and what belongs to it; one that is gone is no error."""
        with self._wrapped(f"delete job {job}"):
            try:
                self._batch.delete_namespaced_job(
                    job, namespace, propagation_policy="Background", _request_timeout=_REQUEST_S
                )
            except self._client.ApiException as error:
                if error.status != _NOT_FOUND:
                    raise
