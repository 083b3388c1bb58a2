"""Stream the changes of one kind of object to one watcher."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.cluster import statuses
from tests.cluster.object_store import Change, ObjectStore
from tests.cluster.resources import Manifest, Resource
from tests.cluster.selectors import Pick

_TURN_S = 0.1
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What a watcher asked for."""

    resource: Resource
    namespace: str
    picks: Pick
    shape: Callable[[Manifest], Manifest]
    version: str
    seconds: float | None
    bookmarks: bool


def stream(store: ObjectStore, watch: Watch, ended: Callable[[], bool]) -> Iterator[bytes]:
    """The events, one JSON object a line, until the time is over or the connection has ended."""
    deadline = time.monotonic() + (watch.seconds or _LONGEST_S)
    with store.lock:
        seen, first = _begin(store, watch)
    yield from first
    while time.monotonic() < deadline and not ended():
        with store.changed:
            changes = store.since(seen)
            if changes is not None and not changes:
                store.changed.wait(min(_TURN_S, max(0.0, deadline - time.monotonic())))
                changes = store.since(seen)
            newest = store.version
        if changes is None:
            yield _line("ERROR", statuses.expired(seen, newest))
            return
        for change in changes:
            yield from _events(watch, change)
            seen = change.version
    if watch.bookmarks and not ended():
        yield _line("BOOKMARK", watch.shape({"metadata": {"resourceVersion": str(seen)}}))


def _begin(store: ObjectStore, watch: Watch) -> tuple[int, list[bytes]]:
    if watch.version not in ("", "0"):
        return int(watch.version), []
    items = [item for item in store.list(watch.resource, watch.namespace) if watch.picks(item)]
    return store.version, [_line("ADDED", watch.shape(item)) for item in items]


def _events(watch: Watch, change: Change) -> Iterator[bytes]:
    if change.resource != watch.resource:
        return
    before, after = (_picked(watch, item) for item in (change.before, change.after))
    if after is not None:
        yield _line("MODIFIED" if before is not None else "ADDED", watch.shape(after))
    elif before is not None:
        # The last look at what is gone, or has left the selection, bears the version of its going.
        before["metadata"]["resourceVersion"] = str(change.version)
        yield _line("DELETED", watch.shape(before))


def _picked(watch: Watch, item: Manifest | None) -> Manifest | None:
    if item is None or watch.namespace not in ("", item["metadata"].get("namespace", "")) or not watch.picks(item):
        return None
    return copy.deepcopy(item)


def _line(kind: str, item: Manifest) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"
