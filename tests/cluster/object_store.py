"""Keep objects and the history of their changes under one rising version, and wake those who watch.

The rule to keep: what goes in and what comes out are copies; nobody changes an object but by `write` and `remove`.
"""

import copy
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tests.cluster.resources import BUILT_IN, DEFINITIONS, Manifest, Resource, from_definition

_KEPT = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what was there before, what is there now; None where there was, or is, nothing."""

    version: int
    resource: Resource
    before: Manifest | None
    after: Manifest | None


class ObjectStore:
    """All objects of one cluster; hold `lock` over a read and the write that rests on it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1000
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Manifest]] = {}
        self._resources = {(resource.group, resource.plural): resource for resource in BUILT_IN}
        self._history: deque[Change] = deque(maxlen=_KEPT)
        self._compacted = self.version

    @property
    def resources(self) -> list[Resource]:
        with self.lock:
            return list(self._resources.values())

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """The kind that is served under this path, if any."""
        found = self._resources.get((group, plural))
        return found if found and version in found.versions else None

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        with self.lock:
            return copy.deepcopy(self._shelf(resource).get((namespace, name)))

    def list(self, resource: Resource, namespace: str = "") -> list[Manifest]:
        """The objects of a namespace, of all namespaces without one, in the order of their names."""
        with self.lock:
            found = sorted(self._shelf(resource).items(), key=lambda item: item[0])
            return [copy.deepcopy(item) for (where, _), item in found if namespace in ("", where)]

    def write(self, resource: Resource, item: Manifest) -> Manifest:
        """Keep an object under the next version, and give it back with it."""
        with self.changed:
            self.version += 1
            item = copy.deepcopy(item)
            item["metadata"]["resourceVersion"] = str(self.version)
            key = (item["metadata"].get("namespace", ""), item["metadata"]["name"])
            before = self._shelf(resource).get(key)
            self._shelf(resource)[key] = item
            if resource == DEFINITIONS:
                defined = from_definition(item)
                self._resources[defined.group, defined.plural] = defined
            self._note(Change(self.version, resource, before, item))
            return copy.deepcopy(item)

    def remove(self, resource: Resource, namespace: str, name: str) -> None:
        with self.changed:
            before = self._shelf(resource).pop((namespace, name))
            self.version += 1
            if resource == DEFINITIONS:
                defined = from_definition(before)
                del self._resources[defined.group, defined.plural]
                self._objects.pop((defined.group, defined.plural), None)
            gone = copy.deepcopy(before)
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._note(Change(self.version, resource, gone, None))

    def since(self, version: int) -> Sequence[Change] | None:
        """What was written after a version; None when that is no longer known."""
        with self.lock:
            if version < self._compacted:
                return None
            return [change for change in self._history if change.version > version]

    def compact(self) -> None:
        """Forget the history, as the real server does after minutes."""
        with self.changed:
            self._history.clear()
            self._compacted = self.version

    def _note(self, change: Change) -> None:
        if len(self._history) == _KEPT:
            self._compacted = self._history[0].version
        self._history.append(change)
        self.changed.notify_all()

    def _shelf(self, resource: Resource) -> dict[tuple[str, str], Manifest]:
        return self._objects.setdefault((resource.group, resource.plural), {})
