"""List every setting once: its name, what it means, how it is read from text and written as text.

Flags, variables, the file and docs/settings.md all follow from this table; a new setting is a field of Settings, a row
here and a row there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webhooks.settings import texts
from webhooks.settings.values import AuthMode, LogFormat, LogLevel, RunnerMode, Settings, VerifyMode


@dataclass(frozen=True, slots=True)
class Setting:
    """Describe one setting; `field` is its name in Settings where that is not `name` with underscores.

    `metavar` is empty for a switch. A `secret` is never shown.
    """

    name: str
    meaning: str
    metavar: str = "TEXT"
    read: Callable[[str], object] = texts.read_text
    write: Callable[[Any], str] = str
    field: str = ""
    repeated: bool = False
    secret: bool = False

    @property
    def attribute(self) -> str:
        """Name the field of Settings."""
        return self.field or self.name.replace("-", "_")

    @property
    def flag(self) -> str:
        """Write the flag."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """Write the variable."""
        return "PENSTOCK_" + self.name.upper().replace("-", "_")

    def show(self, settings: Settings) -> str:
        """Write the value as text, empty when there is none."""
        value = getattr(settings, self.attribute)
        return "" if value is None else str(self.write(value))


def _enum_text(value: AuthMode | VerifyMode | RunnerMode | LogFormat | LogLevel) -> str:
    return str(value.value)


SETTINGS: tuple[Setting, ...] = (
    Setting("host", "address to listen at", "ADDRESS"),
    Setting("port", "port to listen at; 0 picks a free one", "PORT", texts.read_port),
    Setting("data-dir", "folder of runs and gates; one service for each", "DIR", texts.read_path),
    Setting(
        "store",
        "postgresql://USER@HOST/DATABASE for several replicas; none is a SQLite file in the data folder",
        "URL",
        texts.read_store,
        secret=True,
    ),
    Setting("catalog", "the tests that hooks may name; read again when it changes", "FILE", texts.read_path),
    Setting(
        "resolve",
        "connect to the second address where a test names the first; may be repeated",
        "HOST:PORT=HOST:PORT",
        texts.read_pairs,
        texts.write_pairs,
        repeated=True,
    ),
    Setting("workers", "processes that answer HTTP", "N", texts.read_number),
    Setting("threads", "calls that one of them answers at once; three quarters may wait", "N", texts.read_number),
    Setting(
        "wait",
        "how long an answer waits for a test unless metadata.wait says otherwise",
        "DURATION",
        texts.read_duration,
        texts.write_duration,
        "wait_s",
    ),
    Setting(
        "epoch-silence",
        "how long a canary may be silent before its analysis counts as over",
        "DURATION",
        texts.read_duration,
        texts.write_duration,
        "epoch_silence_s",
    ),
    Setting("body-limit", "bytes of a body that are read", "BYTES", texts.read_number, field="body_limit_bytes"),
    Setting(
        "auth",
        "who may use the HTTP API: loopback (everybody, but elsewhere than on loopback only to look), "
        "tokens, kubernetes (TokenReview), open (everybody)",
        "MODE",
        texts.choice(AuthMode),
        _enum_text,
    ),
    Setting("tokens", "file of tokens, each with its scopes; implies --auth tokens", "FILE", texts.read_path),
    Setting(
        "verify-hooks",
        "whether a call must stand in the spec of its Canary: off, warn or enforce",
        "MODE",
        texts.choice(VerifyMode),
        _enum_text,
    ),
    Setting("canaries", "folder of Canary files to verify by, in place of the cluster", "DIR", texts.read_path),
    Setting("path-prefix", "secret first step of the path of every hook", "/TEXT", texts.read_prefix, secret=True),
    Setting(
        "allow-from",
        "networks that hooks may come from; may be repeated; none is every",
        "NETWORK",
        texts.read_networks,
        texts.write_items,
        repeated=True,
    ),
    Setting(
        "allow-targets",
        "where tests may go besides the canary's services: HOST, HOST:PORT, *.DOMAIN or NETWORK; may be repeated",
        "TARGET",
        texts.read_targets,
        texts.write_items,
        repeated=True,
    ),
    Setting(
        "allow-commands",
        "run the commands that payloads bring, as Flagger's loadtester does: whoever reaches the service runs programs",
        "",
        texts.read_flag,
        texts.write_flag,
    ),
    Setting(
        "command-timeout",
        "how long such a command may take",
        "DURATION",
        texts.read_duration,
        texts.write_duration,
        "command_timeout_s",
    ),
    Setting(
        "namespace-regexp",
        "namespaces whose hooks, gates and tasks are served; it may match anywhere in the name",
        "REGEXP",
        texts.read_pattern,
    ),
    Setting(
        "runner",
        "where tests run: here, or apart, where penstock runner claims them",
        "PLACE",
        texts.choice(RunnerMode),
        _enum_text,
    ),
    Setting(
        "runner-user",
        "user under whom tests run, when the runner is root: NAME, UID, or FIRST-LAST, of which each run has its own",
        "USER",
        texts.read_users,
    ),
    Setting("runs-at-once", "how many runs go on at once", "N", texts.read_number),
    Setting("runs-per-canary", "how many runs of one canary go on at once", "N", texts.read_number),
    Setting("log-limit", "bytes of a run's log that are kept", "BYTES", texts.read_number, field="log_limit_bytes"),
    Setting(
        "keep-for",
        "how long runs and releases are kept that have ended",
        "DURATION",
        texts.read_duration,
        texts.write_duration,
        "kept_s",
    ),
    Setting(
        "keep-runs",
        "how many runs, and how many releases, are kept that have ended",
        "N",
        texts.read_number,
        field="kept_runs",
    ),
    Setting(
        "session-key",
        "signs log-ins to the pages; one text for all replicas; none is a key of its own in the data folder",
        "TEXT",
        texts.read_key,
        secret=True,
    ),
    Setting(
        "proxy-user-header",
        "header in which a proxy names who looks at the pages; needs --proxy-from",
        "HEADER",
        texts.read_header,
    ),
    Setting(
        "proxy-from",
        "networks of the proxies that are believed; may be repeated",
        "NETWORK",
        texts.read_networks,
        texts.write_items,
        repeated=True,
    ),
    Setting(
        "proxy-scopes",
        "what those whom a proxy names may do: read, run, approve, admin; may be repeated",
        "SCOPES",
        texts.read_scopes,
        texts.write_items,
        repeated=True,
    ),
    Setting("log-format", "form of the log: text or json", "FORM", texts.choice(LogFormat), _enum_text),
    Setting(
        "log-level",
        "least weight of what is logged: debug, info, warn or error",
        "LEVEL",
        texts.choice(LogLevel),
        _enum_text,
    ),
)
"""Every setting, in the order in which people read them."""
