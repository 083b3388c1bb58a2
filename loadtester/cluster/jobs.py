"""Start a run in the cluster, follow its master's log, and take it away.

The one rule to keep: whatever ends this process's interest in a run deletes the master Job, and all with it.
"""

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol, Self

from loadtester.cluster.manifests import ClusterSettings, manifests
from loadtester.errors import EngineError
from loadtester.plan import LoadPlan


class ClusterApi(Protocol):
    """Do what a run needs of a cluster; raises EngineError when the cluster refuses."""

    def create(self, manifest: dict[str, Any]) -> str:
        """Create an object and give its uid."""
        ...

    def follow_log(self, job: str, namespace: str, deadline_s: float) -> Iterator[bytes]:
        """Give the lines that the Job's pod writes, until it ends or the deadline is over."""
        ...

    def delete_job(self, job: str, namespace: str) -> None:
        """Delete a Job and what belongs to it; one that is gone is no error."""
        ...


class ClusterRun:
    """Own one run in the cluster; use it as a context."""

    def __init__(self, api: ClusterApi, plan: LoadPlan, settings: ClusterSettings) -> None:
        self._api = api
        self._plan = plan
        self._settings = settings

    def __enter__(self) -> Self:
        """Create the run's objects, the master Job first, which owns the others."""
        master, *others = manifests(self._plan, self._settings)
        uid = self._api.create(master)
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self._settings.name, "uid": uid}
        try:
            for item in others:
                item["metadata"]["ownerReferences"] = [owner]
                self._api.create(item)
        except BaseException:
            self._delete()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the run away."""
        self._delete()

    def _delete(self) -> None:
        self._api.delete_job(self._settings.name, self._settings.namespace)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Give the master's lines, the last of kind `end`; raises EngineError when it never comes."""
        limits = self._plan.limits
        deadline_s = self._plan.length_s + limits.timeout_s + 120
        for line in self._api.follow_log(self._settings.name, self._settings.namespace, deadline_s):
            content = _parse(line)
            if content is not None:
                yield content
                if content.get("kind") == "end":
                    return
        raise EngineError(f"job {self._settings.name}: its log ended without a verdict")


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and content.get("kind") in ("tick", "end") else None
