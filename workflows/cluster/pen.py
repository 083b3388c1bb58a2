"""Write objects on behalf of a release: on what was read, under our fencing number, never over a newer owner's work."""

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Kind, Manifest
from workflows.errors import ConfigurationError, ConflictError, FencedError

FENCE = "penstock.dev/fence"
"""The annotation that carries the fencing number of the last writer."""

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Pen:
    """Write for one release in one namespace.

    `fence` gives our fencing number; `guard` raises when nobody but Flagger may write now.
    """

    cluster: Cluster
    namespace: str
    fence: Callable[[], int]
    guard: Callable[[], None]

    def put(self, kind: Kind, name: str, build: Callable[[Manifest | None], Manifest]) -> Manifest:
        """Bring an object to what `build` makes of the one there is (None: none yet), whoever else writes meanwhile.

        `build` gets a copy and is called again when another write came first; nothing is written where nothing
        changes. Raises FencedError when a newer owner wrote last, ConflictError when the others never rest.
        """
        for _ in range(_ATTEMPTS):
            found = self.cluster.get(kind, self.namespace, name)
            try:
                return self._write(kind, found, build(copy.deepcopy(found)))
            except ConflictError:
                continue
        raise self._restless(kind, name)

    def change(self, kind: Kind, name: str, build: Callable[[Manifest], Manifest]) -> Manifest:
        """Change an object that must be there; else as `put`."""

        def build_on(found: Manifest | None) -> Manifest:
            if found is None:
                raise ConfigurationError(f"{kind.kind} {name} in {self.namespace}: not found")
            return build(found)

        return self.put(kind, name, build_on)

    def replace(self, kind: Kind, found: Manifest, wanted: Manifest) -> Manifest:
        """Write on just the version that was read; raises ConflictError when it is no longer the newest."""
        return self._write(kind, found, wanted)

    def hand_back(self, kind: Kind, name: str, build: Callable[[Manifest], Manifest]) -> bool:
        """Change an object for the last time, so that it bears our fencing number no more; tells whether it changed."""
        for _ in range(_ATTEMPTS):
            found = self.cluster.get(kind, self.namespace, name)
            wanted = _without_fence(build(copy.deepcopy(found))) if found else None
            if found is None or wanted is None or wanted == found:
                return False
            self._claim(kind, found)
            with suppress(ConflictError):
                self.cluster.replace(kind, wanted)
                return True
        raise self._restless(kind, name)

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object; one that is gone is no error."""
        for _ in range(_ATTEMPTS):
            found = self.cluster.get(kind, self.namespace, name)
            if found is None:
                return
            self._claim(kind, found)
            with suppress(ConflictError):
                self.cluster.delete(kind, self.namespace, name, found["metadata"]["resourceVersion"])
                return
        raise self._restless(kind, name)

    def _write(self, kind: Kind, found: Manifest | None, wanted: Manifest) -> Manifest:
        if found == wanted:
            return wanted
        fence = self._claim(kind, found)
        metadata = wanted.setdefault("metadata", {})
        metadata["namespace"] = self.namespace
        metadata.setdefault("annotations", {})[FENCE] = str(fence)
        return self.cluster.replace(kind, wanted) if found else self.cluster.create(kind, wanted)

    def _restless(self, kind: Kind, name: str) -> ConflictError:
        return ConflictError(f"{kind.kind} {name} in {self.namespace}: others write it faster than we can")

    def _claim(self, kind: Kind, found: Manifest | None) -> int:
        """Give our fencing number, under which this object may be written now."""
        self.guard()
        fence = self.fence()
        metadata = found["metadata"] if found else {}
        last = str((metadata.get("annotations") or {}).get(FENCE, ""))
        if last.isdecimal() and int(last) > fence:
            where = f"{kind.kind} {metadata['name']} in {self.namespace}"
            raise FencedError(f"{where}: written under fence {last}, ours is {fence}; another owner has the release")
        return fence


def _without_fence(manifest: Manifest) -> Manifest:
    (manifest["metadata"].get("annotations") or {}).pop(FENCE, None)
    return manifest
