"""Hold every setting of the service in one frozen value, read once.

A flag goes before its variable, a variable before the default. Nobody else reads the environment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from webhooks.errors import SettingsError

_MAX_PORT = 65535
_MIN_THREADS = 4
_ADDRESS = re.compile(r"^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$")
_KUBERNETES_LINK = "tcp://"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where to listen, where to keep things, and how much to do at once.

    `resolve` maps host:port to the host:port to connect to in its place, as curl's --connect-to does. `wait_s` is how
    long a hook waits for a test that is still running unless its metadata says otherwise. `epoch_silence_s` is how
    long a canary may be silent before its analysis counts as over.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path(".penstock/serve")
    catalog: Path | None = None
    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    workers: int = 2
    threads: int = 32
    wait_s: float = 8.0
    epoch_silence_s: float = 3600.0
    body_limit_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        if not 0 <= self.port <= _MAX_PORT:
            raise SettingsError(f"port: {self.port} is not within 0 to {_MAX_PORT}; 0 picks a free one")
        if self.workers < 1 or self.threads < _MIN_THREADS:
            raise SettingsError(f"workers: {self.workers}, threads: {self.threads}; at least 1 and {_MIN_THREADS}")

    @property
    def waiting_limit(self) -> int:
        """Give how many hooks may wait at once in one worker, so that gates are always answered."""
        return self.threads * 3 // 4


def read_settings(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Settings:
    """Read the settings from flags (by name, None when not given) and PENSTOCK_... variables.

    Raises SettingsError that names the flag or variable, its value and what is allowed.
    """
    found = {name: _find(name, flags, environ) for name in ("host", "port", "data-dir", "catalog", "resolve")}
    defaults = Settings()
    catalog = found["catalog"]
    return Settings(
        host=found["host"] or defaults.host,
        port=defaults.port if found["port"] is None else _read_port(found["port"]),
        data_dir=Path(found["data-dir"] or defaults.data_dir),
        catalog=Path(catalog) if catalog else None,
        resolve=read_resolve(found["resolve"] or ""),
    )


def _find(name: str, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> str | None:
    flag = flags.get(name)
    if flag is not None:
        return flag
    value = environ.get("PENSTOCK_" + name.upper().replace("-", "_"))
    # Kubernetes sets PENSTOCK_PORT=tcp://... in every pod beside a Service that is called penstock.
    return None if value is None or value.startswith(_KUBERNETES_LINK) else value


def _read_port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"port: {text!r} is not a number; give 0 to {_MAX_PORT} with --port or PENSTOCK_PORT")
    return int(text)


def read_resolve(text: str) -> Mapping[str, str]:
    """Read `host:port=host:port` pairs that commas or spaces set apart."""
    pairs: dict[str, str] = {}
    for item in text.replace(",", " ").split():
        asked, separator, instead = item.partition("=")
        if not separator or not (_is_address(asked) and _is_address(instead)):
            raise SettingsError(
                f"resolve: {item!r} is not HOST:PORT=HOST:PORT, such as ad-canary.weather:80=127.0.0.1:9001"
            )
        pairs[asked.lower()] = instead
    return MappingProxyType(pairs)


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.match(text)) and int(text.rpartition(":")[2]) <= _MAX_PORT
