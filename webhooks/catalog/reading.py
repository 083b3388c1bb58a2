"""Read a whole catalog from YAML: all of its faults at once, or the catalog."""

import threading
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import yaml

from webhooks.catalog.definitions import NO_DEFAULTS, read_job, read_namespaces, read_test
from webhooks.catalog.fields import Fields
from webhooks.catalog.gates import read_gates
from webhooks.catalog.values import Catalog, CatalogTest
from webhooks.errors import CatalogError

_MAX_BYTES = 1024 * 1024
_MAX_NODES = 100_000
_MAX_DEPTH = 50


class _Loader(yaml.SafeLoader):
    """Read plain YAML, but refuse the second of two equal keys (YAML 1.2) instead of forgetting the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - the signature of PyYAML
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_catalog(text: str, folder: Path) -> Catalog:
    """Read a catalog; raises CatalogError that lists every fault with its path."""
    faults: list[str] = []
    fields = Fields(_load(text), "", faults)
    port = fields.integer("port", NO_DEFAULTS.port, 1, 65535)
    defaults = replace(
        NO_DEFAULTS,
        target=fields.text("target", NO_DEFAULTS.target),
        port=port,
        job=read_job(fields.section("job"), NO_DEFAULTS.job),
        namespaces=read_namespaces(fields),
    )
    tests: dict[str, CatalogTest] = {}

    def read(name: str, document: object) -> None:
        tests[name] = read_test(name, document, defaults, folder, faults)

    fields.section("tests").each(read)
    gates = read_gates(fields.section("gates"))
    fields.close()
    if not tests and not faults:
        faults.append("tests: there are none; name at least one")
    if faults:
        raise CatalogError("\n".join(faults))
    return Catalog(MappingProxyType(tests), MappingProxyType(gates))


def _load(text: str) -> object:
    if len(text) > _MAX_BYTES:
        raise CatalogError(f"{len(text)} characters are too many; a catalog has at most {_MAX_BYTES}")
    try:
        document: object = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader with one more check
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CatalogError(f"not YAML: {' '.join(str(error).split())}") from error
    if _count(document, _MAX_DEPTH) > _MAX_NODES:
        raise CatalogError(f"more than {_MAX_NODES} values or deeper than {_MAX_DEPTH}; repeat less with anchors")
    return document


def _count(document: object, depth: int) -> int:
    if depth == 0:
        return _MAX_NODES + 1
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    total = 1
    for value in inner:
        total += _count(value, depth - 1)
        if total > _MAX_NODES:
            break
    return total


class CatalogFile:
    """Give the catalog of a file, read again when the file has changed; a faulty new version is refused.

    `fault` says what is wrong with the newest version while the one before it is still in force.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: object = self._look()
        self._catalog = Catalog() if path is None else self._read(path)
        self.fault = ""

    def current(self) -> Catalog:
        """Give the catalog that is in force."""
        with self._lock:
            stamp = self._look()
            if self._path is not None and stamp != self._stamp:
                self._stamp = stamp
                self._reload(self._path)
            return self._catalog

    def _reload(self, path: Path) -> None:
        try:
            self._catalog = self._read(path)
        except CatalogError as error:
            self.fault = str(error)
        else:
            self.fault = ""

    def _look(self) -> object:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino)

    def _read(self, path: Path) -> Catalog:
        try:
            return read_catalog(path.read_text(), path.parent.absolute())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise CatalogError(f"{path}: cannot be read ({reason}); name a file that holds a catalog") from error
        except CatalogError as error:
            lines = str(error).splitlines()
            raise CatalogError("\n".join(f"{path}: {line}" for line in lines)) from error
