"""Run tests apart from the service that holds gates, tokens and the store: `penstock runner --service URL ...`.

It claims runs over HTTP with a token of scope runner, which is good for nothing else. Whatever dies is started again.
"""

import os
import signal
import sys
import tempfile
import time
import uuid
from argparse import ArgumentParser
from functools import partial
from pathlib import Path

from webhooks.cli.service import BAD_CONFIGURATION, add_settings, read_flags
from webhooks.cli.supervisor import Watched, supervise
from webhooks.errors import SettingsError, StoreError
from webhooks.runs import Bell
from webhooks.runs.families import hide
from webhooks.runs.limits import read_limits
from webhooks.runs.process import BELL_FILE, stop_when_asked, work
from webhooks.runs.remote import RemoteStore
from webhooks.runs.runner import Runner
from webhooks.runs.users import find_accounts
from webhooks.settings import SETTINGS, Settings, read_settings
from webhooks.telemetry import logs

NAMES = frozenset({"runner-user", "runs-at-once", "runs-per-canary", "log-limit", "log-format", "log-level"})
"""The settings that a runner has."""

_GRACE_S = 10.0


def make_parser() -> ArgumentParser:
    """Describe the flags."""
    text = "Run the tests of a service that was started with --runner apart."
    parser = ArgumentParser(prog="penstock runner", description=text)
    url, file = os.environ.get("PENSTOCK_URL", ""), os.environ.get("PENSTOCK_TOKEN_FILE", "")
    parser.add_argument("--service", metavar="URL", default=url, help="where the service is (PENSTOCK_URL)")
    parser.add_argument(
        "--token-file", metavar="FILE", default=file, help="a token of scope runner (PENSTOCK_TOKEN_FILE)"
    )
    add_settings(parser, [setting for setting in SETTINGS if setting.name in NAMES])
    return parser


def main(argv: list[str]) -> int:
    """Run tests until SIGTERM or SIGINT: 0 stopped, 78 bad argument."""
    asked = make_parser().parse_args(argv)
    try:
        settings = read_settings(read_flags(asked), os.environ)
        store = _reach(asked.service, asked.token_file)
        find_accounts(settings.runner_user, settings.runs_at_once)
    except SettingsError as error:
        print(f"penstock runner: {error}", file=sys.stderr)  # noqa: T201 - the edge of the command
        return BAD_CONFIGURATION
    hide()
    logs.set_up(settings.log_format, settings.log_level)
    return supervise([Watched("runner", partial(run_tests, settings, store), signal.SIGTERM, _GRACE_S)])


def _reach(url: str, token_file: str) -> RemoteStore:
    if not url or not token_file:
        missing = "token-file: name the file with a token of scope runner" if url else "service: say where it is"
        raise SettingsError(f"{missing}; give it with --service URL and --token-file FILE")
    if Path(token_file).is_dir() or not os.access(token_file, os.R_OK):
        way_out = "make a token with: penstock token NAME --scopes runner"
        raise SettingsError(f"token-file: {token_file} cannot be read; {way_out}")
    store = RemoteStore(url, Path(token_file))
    try:
        store.check()
    except StoreError as error:
        # It may come later; the runner goes on trying.
        print(f"penstock runner: {error}; trying again", file=sys.stderr)  # noqa: T201 - before there is a log
    return store


def run_tests(settings: Settings, store: RemoteStore) -> int:
    """Be the process that runs tests."""
    accounts = find_accounts(settings.runner_user, settings.runs_at_once)
    with tempfile.TemporaryDirectory() as folder:
        bell = Bell(Path(folder) / BELL_FILE)
        stop = stop_when_asked(bell)
        place, limits = uuid.uuid4().hex, read_limits(settings)
        runner = Runner(store, bell, time.time, os.environ, place=place, limits=limits, accounts=accounts)
        work(runner, stop, lambda: None)
    return 0
