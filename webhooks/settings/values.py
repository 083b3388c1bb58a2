"""Hold every setting of the service in one frozen value.

Where a setting comes from and how it is written stands in `table`; this is only what it means.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType

from webhooks.errors import SettingsError

Network = IPv4Network | IPv6Network

_MAX_PORT = 65535
_MIN_THREADS = 4
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class AuthMode(enum.Enum):
    """Say who may see and change things over the HTTP API."""

    LOOPBACK = "loopback"
    TOKENS = "tokens"
    KUBERNETES = "kubernetes"
    OPEN = "open"


class VerifyMode(enum.Enum):
    """Say what happens to a hook call that the Canary's own spec does not list."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class LogFormat(enum.Enum):
    """Name the forms of the log."""

    TEXT = "text"
    JSON = "json"


class LogLevel(enum.Enum):
    """Name the least weight of what is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class RunnerMode(enum.Enum):
    """Say whether the service runs tests itself, or runners apart from it claim them."""

    HERE = "here"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Settings:
    """Say where to listen, where to keep things, how much to do at once, and who may do what.

    `resolve` maps host:port to the host:port to connect to in its place, as curl's --connect-to does. `wait_s` is how
    long a hook waits for a test that is still running unless its metadata says otherwise. `epoch_silence_s` is how
    long a canary may be silent before its analysis counts as over. `kept_s` and `kept_runs` say how long, and how
    many, runs are kept that have ended. `session_key` signs log-ins; empty is a key of the data folder's own.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path(".penstock/serve")
    catalog: Path | None = None
    resolve: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    workers: int = 1
    threads: int = 64
    wait_s: float = 8.0
    epoch_silence_s: float = 3600.0
    body_limit_bytes: int = 1024 * 1024
    auth: AuthMode = AuthMode.LOOPBACK
    tokens: Path | None = None
    verify_hooks: VerifyMode = VerifyMode.OFF
    canaries: Path | None = None
    path_prefix: str = ""
    allow_from: tuple[Network, ...] = ()
    allow_targets: tuple[str, ...] = ()
    runner: RunnerMode = RunnerMode.HERE
    runner_user: str = ""
    runs_at_once: int = 16
    runs_per_canary: int = 4
    log_limit_bytes: int = 10 * 1024 * 1024
    kept_s: float = 7 * 24 * 3600.0
    kept_runs: int = 10_000
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO
    store: str = ""
    allow_commands: bool = False
    command_timeout_s: float = 3600.0
    namespace_regexp: str = ""
    session_key: str = ""
    proxy_user_header: str = ""
    proxy_from: tuple[Network, ...] = ()
    proxy_scopes: tuple[str, ...] = ("read",)

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        if not 0 <= self.port <= _MAX_PORT:
            raise SettingsError(f"port: {self.port} is not within 0 to {_MAX_PORT}; 0 picks a free one")
        if self.workers < 1 or self.threads < _MIN_THREADS:
            raise SettingsError(f"workers: {self.workers}, threads: {self.threads}; at least 1 and {_MIN_THREADS}")
        if self.runs_at_once < 1 or self.runs_per_canary < 1:
            raise SettingsError(
                f"runs-at-once: {self.runs_at_once}, runs-per-canary: {self.runs_per_canary}; at least 1"
            )
        if self.runner is RunnerMode.APART and self.auth not in {AuthMode.TOKENS, AuthMode.KUBERNETES}:
            raise SettingsError("runner: apart needs --tokens FILE or --auth kubernetes, since a runner needs a token")
        if self.proxy_user_header and not self.proxy_from:
            raise SettingsError(
                f"proxy-user-header: {self.proxy_user_header} from anybody? name them with --proxy-from"
            )
        if self.auth is AuthMode.TOKENS and self.tokens is None:
            raise SettingsError("auth: tokens needs --tokens FILE; make one with: penstock token NAME --file FILE")

    @property
    def waiting_limit(self) -> int:
        """Give how many hooks may wait at once in one worker, so that gates are always answered."""
        return self.threads * 3 // 4

    @property
    def on_loopback(self) -> bool:
        """Tell whether only this machine can reach the service."""
        return self.host in _LOOPBACK
