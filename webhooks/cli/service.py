"""Start the service: check what can be checked first, listen, then supervise web and runner.

Everything that is wrong with a setting is one clear line and exit status 78, before any process is started.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

import webhooks
from webhooks.access import make_authority, make_read_back
from webhooks.catalog import CatalogFile
from webhooks.cli.supervisor import Watched, supervise
from webhooks.errors import CatalogError, SettingsError
from webhooks.runs.families import hide
from webhooks.runs.users import find_accounts
from webhooks.settings import (
    CONFIG,
    SETTINGS,
    AuthMode,
    RunnerMode,
    Setting,
    Settings,
    read_settings,
    show_settings,
    write_environ,
)
from webhooks.telemetry import logs

if TYPE_CHECKING:
    from flask import Flask

BAD_CONFIGURATION = 78
"""The exit status for a setting that must be mended."""

ADDRESS_FILE = "address"
"""The file in the data folder that says where the service listens."""

_log = logging.getLogger("penstock.serve")
_BACKLOG = 2048
_OWNER_ONLY = 0o077
_WEB_GRACE_S = 35.0
_RUNNER_GRACE_S = 10.0

Create = Callable[[Settings], "Flask"]
"""Make the app; whoever composes more than this package's own routes brings its own."""

Beside = Mapping[str, Callable[[], int]]
"""What other processes do beside the service's own, by their names."""

_NOTHING: Beside = MappingProxyType({})


def make_parser() -> ArgumentParser:
    """Describe the flags."""
    parser = ArgumentParser(prog="penstock serve", description="Serve Flagger's webhooks: gates, tests and load.")
    parser.add_argument("--print-config", action="store_true", help="show the settings in force and do nothing")
    add_settings(parser, SETTINGS)
    return parser


def add_settings(parser: ArgumentParser, settings: Sequence[Setting]) -> None:
    """Add the flags of settings, and that of the file which may hold them."""
    defaults = Settings()
    for setting in (CONFIG, *settings):
        default = "" if setting is CONFIG else setting.show(defaults)
        told = f"{setting.variable}, default {default}" if default else setting.variable
        text = f"{setting.meaning} ({told})".replace("%", "%%")
        if not setting.metavar:
            parser.add_argument(setting.flag, action="store_const", const="true", help=text)
        elif setting.repeated:
            parser.add_argument(setting.flag, action="append", metavar=setting.metavar, help=text)
        else:
            parser.add_argument(setting.flag, metavar=setting.metavar, help=text)


def main(argv: list[str]) -> int:
    """Serve this package's own routes until SIGTERM or SIGINT; `argv` are the flags."""
    return serve(make_parser().parse_args(argv), create_own_app)


def serve(asked: Namespace, create: Create, beside: Beside = _NOTHING) -> int:
    """Serve as the flags say until SIGTERM or SIGINT."""
    try:
        settings = read_settings(read_flags(asked), os.environ)
        if asked.print_config:
            print(show_settings(settings), end="")  # noqa: T201 - the output of the command
            return 0
    except SettingsError as error:
        print(f"penstock serve: {error}", file=sys.stderr)  # noqa: T201 - the edge of the command
        return BAD_CONFIGURATION
    return start(settings, create, "penstock serve", beside)


def start(settings: Settings, create: Create, command: str, beside: Beside = _NOTHING) -> int:
    """Serve until SIGTERM or SIGINT; what a setting keeps from working is said in the name of the command."""
    try:
        CatalogFile(settings.catalog)
        _check_access(settings)
        lock = _lock(settings.data_dir)
        listener = _listen(settings)
    except (SettingsError, CatalogError) as error:
        print(f"{command}: {error}", file=sys.stderr)  # noqa: T201 - the edge of the command
        return BAD_CONFIGURATION
    with lock, listener:
        return _serve(settings, listener, create, beside)


def read_flags(asked: Namespace) -> dict[str, str | None]:
    """Give the flags by the names of their settings; those that may be repeated as one text."""
    found: dict[str, str | None] = {}
    for setting in (CONFIG, *SETTINGS):
        value: str | list[str] | None = getattr(asked, setting.name.replace("-", "_"), None)
        found[setting.name] = " ".join(value) if isinstance(value, list) else value
    return found


def _check_access(settings: Settings) -> None:
    if settings.runner is RunnerMode.HERE:
        find_accounts(settings.runner_user, settings.runs_at_once)
    make_authority(settings, time.time)
    make_read_back(settings, time.time)


def _lock(folder: Path) -> TextIO:
    try:
        os.umask(_OWNER_ONLY)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a volume may belong to another, who chose its mode
            folder.chmod(0o700)
        lock = (folder / "serve.lock").open("w")
    except OSError as error:
        raise SettingsError(f"data-dir: {folder} cannot be used ({error.strerror}); name another one") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SettingsError(f"data-dir: another penstock serve uses {folder}; stop it or name another one") from error
    return lock


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        raise SettingsError(f"cannot listen at {where} ({error.strerror}); choose another --host or --port") from error
    return listener


def _serve(settings: Settings, listener: socket.socket, create: Create, beside: Beside) -> int:
    logs.set_up(settings.log_format, settings.log_level)
    warn_of_tests(settings)
    hide()
    folder = settings.data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # both children count there (prometheus_client)
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    place = settings.data_dir / ADDRESS_FILE
    place.write_text(url + "\n")
    print(f"listening at {url}", flush=True)  # noqa: T201 - whoever started us on port 0 reads this
    web = Watched("web server", partial(_serve_web, settings, listener.fileno(), create), signal.SIGKILL, _WEB_GRACE_S)
    runner = Watched("runner", partial(_run_tests, settings), signal.SIGTERM, _RUNNER_GRACE_S)
    more = [Watched(name, work, signal.SIGKILL, _WEB_GRACE_S) for name, work in beside.items()]
    try:
        return supervise([web, *([runner] if settings.runner is RunnerMode.HERE else []), *more])
    finally:
        place.unlink(missing_ok=True)


def warn_of_tests(settings: Settings) -> None:
    """Say what tests that are kept from the store may still do."""
    if settings.runner_user and settings.auth in {AuthMode.LOOPBACK, AuthMode.OPEN}:
        told = "a test could approve its own gate, as everybody on this machine may; add --tokens FILE"
        _log.warning("auth %s: %s", settings.auth.value, told)


def _serve_web(settings: Settings, descriptor: int, create: Create) -> int:
    from webhooks.cli import server  # noqa: PLC0415 - gunicorn is for the child that serves alone

    return server.serve(settings, descriptor, create)


def create_own_app(settings: Settings) -> "Flask":
    """Make the app with this package's own routes."""
    from webhooks.app import create_app  # noqa: PLC0415 - flask is for the child that serves alone

    return create_app(settings)


def _run_tests(settings: Settings) -> int:
    roots = [str(Path(webhooks.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = write_environ(settings, {**os.environ, "PYTHONPATH": ":".join(roots)})
    os.execve(sys.executable, [sys.executable, "-m", "webhooks.runs", str(settings.data_dir)], environ)  # noqa: S606 - this interpreter
