"""Reach the cluster for one Job: create or adopt it, look at its pod, read its log, delete it.

The client is imported when a test goes to a cluster, and not before. Its errors leave here as ClusterError.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from webhooks.errors import ClusterError

_REQUEST_S = 15
_NOT_FOUND = 404
_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Pod:
    """Carry how a Job's pod is: `status` is its exit status once it has ended, `waiting` why it has not begun."""

    name: str
    started: bool = False
    status: int | None = None
    waiting: str = ""


class JobApi:
    """Do what one Job in one namespace needs."""

    def __init__(self, namespace: str) -> None:
        client: Any = import_module("kubernetes.client")
        config: Any = import_module("kubernetes.config")
        try:
            config.load_config()
        except (config.ConfigException, OSError) as error:
            raise ClusterError(
                f"no cluster is configured ({error}); mount a service account or a kubeconfig"
            ) from error
        self._error: type[Exception] = client.ApiException
        self._namespace = namespace
        self._batch = client.BatchV1Api()
        self._core = client.CoreV1Api()

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            status, reason = getattr(error, "status", 0), getattr(error, "reason", "")
            raise ClusterError(f"{what}: {status} {reason}") from error
        except Exception as error:
            raise ClusterError(f"{what}: {type(error).__name__}: {error}") from error

    def create(self, manifest: dict[str, Any]) -> bool:
        """Create the Job and give true; false when it is there already and is adopted."""
        name = manifest["metadata"]["name"]
        with self._asking(f"create job {name} in {self._namespace}"):
            try:
                self._batch.create_namespaced_job(self._namespace, manifest, _request_timeout=_REQUEST_S)
            except self._error as error:
                if getattr(error, "status", 0) != _CONFLICT:
                    raise
                return False
        return True

    def failure(self, name: str) -> str:
        """Give why the Job has failed as a whole, empty when it has not."""
        with self._asking(f"read job {name}"):
            job = self._batch.read_namespaced_job(name, self._namespace, _request_timeout=_REQUEST_S)
        conditions = job.status.conditions or [] if job.status else []
        failed = [one for one in conditions if one.type == "Failed" and one.status == "True"]
        return f"{failed[0].reason}: {failed[0].message}" if failed else ""

    def find_pod(self, name: str) -> Pod | None:
        """Give the Job's pod, None when there is none yet."""
        with self._asking(f"list the pods of job {name}"):
            pods = self._core.list_namespaced_pod(
                self._namespace, label_selector=f"job-name={name}", _request_timeout=_REQUEST_S
            ).items
        return _read_pod(pods[0]) if pods else None

    def follow_log(self, pod: str, patience_s: float) -> Iterator[bytes]:
        """Give the pieces of a pod's log from its beginning until it ends."""
        with self._asking(f"read the log of pod {pod}"):
            answer = self._core.read_namespaced_pod_log(
                pod, self._namespace, follow=True, _preload_content=False, _request_timeout=(_REQUEST_S, patience_s)
            )
            try:
                yield from answer.stream()
            finally:
                answer.release_conn()

    def delete(self, name: str) -> None:
        """Delete the Job and its pod; one that is gone is no error."""
        with self._asking(f"delete job {name}"):
            try:
                self._batch.delete_namespaced_job(
                    name, self._namespace, propagation_policy="Background", _request_timeout=_REQUEST_S
                )
            except self._error as error:
                if getattr(error, "status", 0) != _NOT_FOUND:
                    raise


def _read_pod(pod: Any) -> Pod:
    name = str(pod.metadata.name)
    states = [one.state for one in (pod.status.container_statuses or []) if one.state is not None]
    if not states:
        return Pod(name)
    state = states[0]
    if state.terminated is not None:
        return Pod(name, started=True, status=int(state.terminated.exit_code))
    waiting = state.waiting
    reason = f"{waiting.reason}: {waiting.message or ''}".rstrip(": ") if waiting is not None else ""
    return Pod(name, started=state.running is not None, waiting=reason)
