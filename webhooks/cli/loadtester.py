"""Be Flagger's own loadtester: its flags, written as Go writes them, its endpoints, and commands from payloads.

What it keeps, it keeps in a folder, so that gates outlive a restart; that folder is the one flag it has beyond those of
the original (`-data-dir`).
"""

import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from webhooks.catalog import parse_duration
from webhooks.cli.service import BAD_CONFIGURATION, Create, create_own_app, start
from webhooks.errors import SettingsError
from webhooks.settings import AuthMode, LogFormat, LogLevel, Settings


@dataclass(frozen=True, slots=True)
class _Flag:
    default: str
    metavar: str
    meaning: str


_FLAGS: Mapping[str, _Flag] = MappingProxyType(
    {
        "port": _Flag("9090", "PORT", "port to listen at; 0 picks a free one"),
        "log-level": _Flag("debug", "LEVEL", "least weight of what is logged"),
        "timeout": _Flag("1h", "DURATION", "how long a command may take"),
        "namespace-regexp": _Flag("", "REGEXP", "namespaces that are served; it may match anywhere in the name"),
        "zap-encoding": _Flag("json", "FORM", "form of the log: json or console"),
        "data-dir": _Flag(".penstock/loadtester", "DIR", "folder of runs and gates; the original keeps none"),
    }
)
_LEVELS = {**{level.value: level for level in LogLevel}, "fatal": LogLevel.ERROR, "panic": LogLevel.ERROR}
_SWITCHES: Mapping[str, str] = MappingProxyType(
    {"zap-replace-globals": "taken for the sake of the original; no effect"}
)
_HELP = frozenset({"h", "help"})
_WARNING = (
    "penstock loadtester: commands from payloads are run: whoever reaches this port runs programs here; "
    "penstock serve --catalog FILE runs named tests instead"
)


def make_parser() -> ArgumentParser:
    """Describe the flags; they are read by `read_go_flags`, as Go reads them."""
    about = (
        "Take the place of Flagger's loadtester. Flags may have one dash or two, and = or a space before their value."
    )
    parser = ArgumentParser(prog="penstock loadtester", description=about)
    for name, flag in _FLAGS.items():
        told = f"{flag.meaning} ({flag.default})" if flag.default else flag.meaning
        parser.add_argument(f"-{name}", f"--{name}", default=flag.default, metavar=flag.metavar, help=told)
    for name, meaning in _SWITCHES.items():
        parser.add_argument(f"-{name}", f"--{name}", action="store_true", help=meaning)
    return parser


def main(argv: list[str], create: Create | None = None) -> int:
    """Serve until SIGTERM or SIGINT; `argv` are the flags."""
    try:
        flags = read_go_flags(argv)
        if flags is None:
            make_parser().print_help()
            return 0
        settings = read_settings(flags, os.environ)
    except SettingsError as error:
        usage = make_parser().format_usage()
        print(f"penstock loadtester: {error}\n{usage}", end="", file=sys.stderr)  # noqa: T201 - the edge of the command
        return BAD_CONFIGURATION
    print(_WARNING, file=sys.stderr)  # noqa: T201 - before there is a log
    return start(settings, create or create_own_app, "penstock loadtester")


def read_go_flags(argv: list[str]) -> dict[str, str] | None:
    """Read flags as Go's package flag does; None when help was asked for. Raises SettingsError."""
    found = {name: flag.default for name, flag in _FLAGS.items()}
    rest = iter(argv)
    for word in rest:
        match = re.fullmatch(r"--?([a-z-]+)(?:=(.*))?", word, re.DOTALL)
        name = match[1] if match else ""
        if match is None or name not in {*_FLAGS, *_SWITCHES, *_HELP}:
            raise SettingsError(f"{word[:80]}: unknown flag; known: {', '.join(sorted({*_FLAGS, *_SWITCHES}))}")
        if name in _HELP:
            return None
        if name in _SWITCHES:
            continue
        value = match[2] if match[2] is not None else next(rest, None)
        if value is None:
            raise SettingsError(f"-{name}: needs a value")
        found[name] = value
    return found


def read_settings(flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Make the settings of the service; raises SettingsError."""
    port, pattern = flags["port"], flags["namespace-regexp"]
    if not (port.isascii() and port.isdigit()):
        raise SettingsError(f"-port: {port!r} is not a number")
    try:
        timeout_s = parse_duration(flags["timeout"])
        re.compile(pattern)
    except ValueError as error:
        raise SettingsError(f"-timeout: {error}") from error
    except re.error as error:
        raise SettingsError(f"-namespace-regexp: {pattern!r} is not a regular expression ({error})") from error
    if timeout_s <= 0:
        raise SettingsError(f"-timeout: {flags['timeout']} is not above 0")
    return Settings(
        host=environ.get("PENSTOCK_HOST") or "0.0.0.0",  # noqa: S104 - as the original listens
        port=int(port),
        data_dir=Path(environ.get("PENSTOCK_DATA_DIR") or flags["data-dir"]),
        auth=AuthMode.OPEN,
        log_format=LogFormat.JSON if flags["zap-encoding"] == "json" else LogFormat.TEXT,
        log_level=_read_level(flags["log-level"]),
        allow_commands=True,
        command_timeout_s=timeout_s,
        namespace_regexp=pattern,
    )


def _read_level(text: str) -> LogLevel:
    if text not in _LEVELS:
        raise SettingsError(f"-log-level: {text[:80]!r} is unknown; known: {', '.join(_LEVELS)}")
    return _LEVELS[text]
