"""Keep the Canaries of namespaces that hooks come from, by list and watch, one thread for each namespace.

What is kept answers only while it is fresh: a minute after the last sign of the cluster it answers nothing any more.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from webhooks.access.canaries import canaries_path
from webhooks.access.cluster_api import ClusterApi
from webhooks.access.entries import CanaryEntry, read_canary
from webhooks.errors import ClusterError
from webhooks.store.records import CanaryName

_log = logging.getLogger("penstock.access")
MOST_NAMESPACES = 200
"""How many namespaces are watched at once; the Canaries of others are read when they are asked for."""

_FRESH_S = 60.0
_WATCH_S = 30
_UNUSED_S = 3600.0
_PAUSES_S = (0.2, 1.0, 5.0, 15.0)
_OVER = frozenset({"Succeeded", "Failed"})


class Listener(Protocol):
    """Hear what a watch sees."""

    def seen(self, namespace: str, at: float) -> None:
        """Hear that the Canaries of a namespace were as they are kept at a time."""
        ...

    def ended(self, canary: CanaryName, at: float) -> None:
        """Hear that a Canary's release was over at a time."""
        ...


class CanaryWatch:
    """Keep Canaries; a namespace is watched from `follow` on until nobody has asked for it for an hour."""

    def __init__(self, api: ClusterApi, now: Callable[[], float], listener: Listener) -> None:
        self._api = api
        self._now = now
        self._listener = listener
        self._lock = threading.Lock()
        self._watched: dict[str, _Namespace] = {}

    def recall(self, canary: CanaryName) -> CanaryEntry | None:
        """Give a Canary as the watch knows it; None where it knows of none, or nothing fresh."""
        watched = self._watched.get(canary.namespace)
        return None if watched is None else watched.recall(canary.name)

    def follow(self, namespace: str) -> None:
        """Watch a namespace from now on, if there are not too many."""
        with self._lock:
            for name, watched in list(self._watched.items()):
                if not watched.alive:
                    del self._watched[name]
            if namespace not in self._watched and len(self._watched) < MOST_NAMESPACES:
                self._watched[namespace] = _Namespace(namespace, self._api, self._now, self._listener)

    def close(self) -> None:
        """End every watch, each with its next sign from the cluster."""
        for watched in list(self._watched.values()):
            watched.stop()


class _Namespace:
    def __init__(self, name: str, api: ClusterApi, now: Callable[[], float], listener: Listener) -> None:
        self._name = name
        self._api = api
        self._now = now
        self._listener = listener
        self._entries: dict[str, CanaryEntry] = {}
        self._seen_at = 0.0
        self._asked_at = now()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"canaries of {name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def recall(self, name: str) -> CanaryEntry | None:
        self._asked_at = now = self._now()
        return self._entries.get(name) if now - self._seen_at < _FRESH_S else None

    def stop(self) -> None:
        self._stopped.set()

    def _work(self) -> None:
        failures = 0
        while self._wanted:
            try:
                version = self._list()
                failures = 0
                while version and self._wanted:
                    version = self._watch(version)
                    # A cluster that ends each watch at once must not be asked without pause.
                    self._stopped.wait(_PAUSES_S[0])
            except ClusterError as error:
                level = logging.INFO if failures else logging.WARNING
                _log.log(level, "canaries of %s are not watched, trying again: %s", self._name, error)
                self._stopped.wait(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
                failures += 1

    @property
    def _wanted(self) -> bool:
        return not self._stopped.is_set() and self._now() - self._asked_at < _UNUSED_S

    def _list(self) -> str:
        """Read all Canaries and give the version from which to watch."""
        document = self._api.read(canaries_path(self._name))
        if document is None:
            raise ClusterError("the cluster knows no Canaries")
        before, self._entries = self._entries, dict(map(_read_item, document.get("items") or []))
        for name, entry in self._entries.items():
            self._notice_end(name, before.get(name), entry)
        self._see()
        return _version(document)

    def _watch(self, version: str) -> str:
        """Follow what happens from a version on and give the next; empty when all is to be read again."""
        query = {"resourceVersion": version, "allowWatchBookmarks": "true"}
        for event in self._api.watch(canaries_path(self._name), query, _WATCH_S):
            if event.get("type") == "ERROR":
                return ""
            document = event.get("object") or {}
            self._take(str(event.get("type")), document)
            version = _version(document) or version
            self._see()
            if not self._wanted:
                break
        self._see()
        return version

    def _take(self, kind: str, document: Mapping[str, Any]) -> None:
        name, entry = _read_item(document)
        if kind == "DELETED":
            self._entries.pop(name, None)
        elif kind in {"ADDED", "MODIFIED"}:
            before = self._entries.get(name)
            self._entries[name] = entry
            self._notice_end(name, before, entry)

    def _see(self) -> None:
        self._seen_at = self._now()
        self._listener.seen(self._name, self._seen_at)

    def _notice_end(self, name: str, before: CanaryEntry | None, entry: CanaryEntry) -> None:
        if entry.phase in _OVER and (before is None or before.phase != entry.phase):
            self._listener.ended(CanaryName(self._name, name), entry.changed_at)


def _read_item(document: Mapping[str, Any]) -> tuple[str, CanaryEntry]:
    return str((document.get("metadata") or {}).get("name", "")), read_canary(document)


def _version(document: Mapping[str, Any]) -> str:
    return str((document.get("metadata") or {}).get("resourceVersion", ""))
