"""Split traffic with the platform's Envoy: a file in its watched folder, replaced by rename.

The rule to keep: `shift` returns only once Envoy says that it took this very document; a document that Envoy refuses
is taken back, so that the file always says what is in force.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from urllib.parse import quote

from workflows.errors import ConfigurationError, UnavailableError
from workflows.rollout.plan import Analysis
from workflows.rollout.traffic import Route
from workflows.routers import envoy_routes

PATIENCE_S = 10.0
"""How long Envoy may take to put a split in force."""

_POLL_S = 0.003
_ADMIN_TIMEOUT_S = 2.0
_STATS = quote(rf"^http\.{envoy_routes.NAME}\.rds\.{envoy_routes.NAME}\.(version_text|update_rejected)$")
_WAY_OUT = "is the platform up? See `penstock local status`, start it with `penstock local up`"


@dataclass(frozen=True, slots=True)
class _Version:
    """Tell one document from all others, and what it says; Envoy hands it back as the version in force."""

    route: Route
    token: str
    serial: str

    def encode(self) -> str:
        return json.dumps({"route": asdict(self.route), "token": self.token, "serial": self.serial})


def routes_folder(directory: Path) -> Path:
    """Name the folder that Envoy watches for routes."""
    return directory / "envoy" / "routes"


def admin_file(directory: Path) -> Path:
    """Name the file in which Envoy writes the address of its admin interface."""
    return directory / "envoy" / "admin.address"


def place(directory: Path, route: Route, analysis: Analysis | None = None) -> None:
    """Write a split without waiting for Envoy, which may not be running."""
    _write(_file(directory), _Version(route, _token(), _token()), envoy_routes.rules_of(analysis))


class EnvoyRouter:
    """Split user traffic on the local platform; `patience_s` is how long Envoy may take for a split."""

    def __init__(self, directory: Path, analysis: Analysis | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._directory = directory
        self._file = _file(directory)
        self._rules = envoy_routes.rules_of(analysis)

    def read(self) -> Route:
        """Give the split that is in force."""
        return self._version().route

    def shift(self, route: Route) -> None:
        """Put a split in force and return once Envoy has acknowledged it."""
        with self._locked():
            current = self._version()
            keep = route.sticky and current.route.sticky and current.route.canary_percent > 0
            version = _Version(route, current.token if keep else _token(), _token())
            previous = self._file.read_text()
            rejections = _rejections(self._stats())
            _write(self._file, version, self._rules)
            if not self._acknowledged(version, rejections):
                _replace(self._file, previous)
                raise ConfigurationError(
                    f"route: Envoy refused {route}; {self._complaint()}; the split stays as it was"
                )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Of two writers at once, one would wait in vain for a document that the other has replaced.
        try:
            with (self._file.parent.parent / "routes.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise UnavailableError(f"{self._file}: {error.strerror}; {_WAY_OUT}") from error

    def _version(self) -> _Version:
        try:
            document = json.loads(json.loads(self._file.read_text())["version_info"])
            return _Version(Route(**document["route"]), document["token"], document["serial"])
        except OSError as error:
            raise UnavailableError(f"{self._file}: {error.strerror}; {_WAY_OUT}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{self._file}: not a route file ({error}); start the platform anew") from error

    def _acknowledged(self, version: _Version, rejections: int) -> bool:
        deadline = time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            stats = self._stats()
            if version.serial in stats:
                return True
            if _rejections(stats) > rejections:
                return False
            Event().wait(_POLL_S)
        raise UnavailableError(f"route: Envoy did not take {version.route} within {self._patience_s:g} s; {_WAY_OUT}")

    def _stats(self) -> str:
        """Read which version is in force and how many were refused, waiting for an Envoy that is being restarted."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return _get(admin_file(self._directory), f"/stats?filter={_STATS}")
            except (OSError, HTTPException, ValueError) as error:
                if time.monotonic() > deadline or isinstance(error, FileNotFoundError):
                    raise UnavailableError(f"{self._directory}: Envoy does not answer ({error}); {_WAY_OUT}") from error
            Event().wait(_POLL_S * 10)

    def _complaint(self) -> str:
        log = self._file.parent.parent / "envoy.log"
        lines = [line for line in log.read_text().splitlines() if "reject" in line] if log.exists() else []
        return lines[-1].rpartition("] ")[2] if lines else f"see {log}"


def _file(directory: Path) -> Path:
    return routes_folder(directory) / "apex.json"


def _token() -> str:
    return secrets.token_hex(5)


def _write(file: Path, version: _Version, rules: envoy_routes.Rules) -> None:
    configuration = envoy_routes.configuration(version.route, rules, version.token)
    _replace(file, json.dumps({"version_info": version.encode(), "resources": [configuration]}))


def _rejections(stats: str) -> int:
    return int(stats.partition("update_rejected: ")[2].split(maxsplit=1)[0])


def _replace(file: Path, text: str) -> None:
    temporary = file.parent.parent / f"{file.name}.{os.getpid()}"
    temporary.write_text(text)
    temporary.replace(file)


def _get(admin: Path, path: str) -> str:
    host, _, port = admin.read_text().strip().rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=_ADMIN_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
