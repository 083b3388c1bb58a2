"""Find Canaries: in the cluster, or in a folder of files where there is none."""

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import yaml

from webhooks.access.cluster_api import ClusterApi
from webhooks.access.entries import CanaryEntry, read_canary
from webhooks.store.records import CanaryName

_FILES = ("*.yaml", "*.yml")
_MOST_BYTES = 1024 * 1024


def canaries_path(namespace: str) -> str:
    """Give where the cluster keeps the Canaries of a namespace."""
    return f"/apis/flagger.app/v1beta1/namespaces/{quote(namespace, safe='')}/canaries"


class ClusterCanaries:
    """Find Canaries in the cluster."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api

    def find(self, canary: CanaryName) -> CanaryEntry | None:
        """Ask the cluster."""
        document = self._api.read(f"{canaries_path(canary.namespace)}/{quote(canary.name, safe='')}")
        return None if document is None else read_canary(document)


class FolderCanaries:
    """Find Canaries in the YAML files of a folder, read again when one changes; a file that is not YAML has none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: object = None
        self._found: dict[CanaryName, CanaryEntry] = {}

    def find(self, canary: CanaryName) -> CanaryEntry | None:
        """Look in the folder."""
        with self._lock:
            files = sorted(path for pattern in _FILES for path in self._folder.glob(pattern))
            stamp = [(path, _stamp(path)) for path in files]
            if stamp != self._stamp:
                self._stamp = stamp
                self._found = {name: read_canary(document) for path in files for name, document in _documents(path)}
            return self._found.get(canary)


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _documents(path: Path) -> Iterator[tuple[CanaryName, object]]:
    try:
        with path.open(encoding="utf-8") as file:
            documents = list(yaml.safe_load_all(file.read(_MOST_BYTES)))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return
    for document in documents:
        if (
            isinstance(document, dict)
            and document.get("kind") == "Canary"
            and isinstance(document.get("metadata"), dict)
        ):
            about = document["metadata"]
            yield CanaryName(str(about.get("namespace", "default")), str(about.get("name", ""))), document
