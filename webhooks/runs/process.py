"""Be the runner process: one for each data folder, ended by SIGTERM, and then nothing of it is left."""

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TextIO

from webhooks.errors import SettingsError, StoreError
from webhooks.runs.bell import Bell
from webhooks.runs.families import hide
from webhooks.runs.limits import read_limits
from webhooks.runs.runner import Runner
from webhooks.runs.users import Accounts, find_accounts
from webhooks.settings import Settings, read_settings
from webhooks.store.sql import SqlStore, locate
from webhooks.telemetry import logs

BELL_FILE = "bell"
"""The name of the runner's bell in the data folder."""

_PLACE_FILE = "place"
_LOCK_FILE = "runner.lock"
_LOCK_PATIENCE_S = 10.0
_LOCK_PAUSE_S = 0.1
_TROUBLE_PAUSE_S = 1.0
_TEMPORARY = 75
_BAD_CONFIGURATION = 78
_SILENT_S = 60.0
_log = logging.getLogger("penstock.runner")


class Stop:
    """Remember that the runner was asked to stop; a plain flag, since a signal handler must take no lock."""

    def __init__(self) -> None:
        self.asked = False

    def pause(self, seconds: float) -> None:
        """Wait a little."""
        threading.Event().wait(seconds)


def main(argv: list[str]) -> int:
    """Run tests for the data folder named first in `argv` until SIGTERM or SIGINT; settings from PENSTOCK_..."""
    hide()
    try:
        settings = read_settings({"data-dir": argv[0]}, os.environ)
        accounts = find_accounts(settings.runner_user, settings.runs_at_once)
    except SettingsError as error:
        print(f"penstock runner: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        return _BAD_CONFIGURATION
    logs.set_up(settings.log_format, settings.log_level)
    folder = settings.data_dir
    bell = Bell(folder / BELL_FILE)
    stop = stop_when_asked(bell)
    with (folder / _LOCK_FILE).open("w") as file:
        if _lock(file, stop, _LOCK_PATIENCE_S):
            _serve(settings, bell, accounts, stop)
        elif not stop.asked:
            _log.error("another runner works on %s; stop it first", folder)
            return _TEMPORARY
    return 0


def stop_when_asked(bell: Bell) -> Stop:
    """Have SIGTERM and SIGINT stop the runner that listens to a bell."""
    stop = Stop()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True
        bell.ring()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop


def _serve(settings: Settings, bell: Bell, accounts: Accounts, stop: Stop) -> None:
    folder = settings.data_dir
    store = SqlStore(locate(settings.store, folder))
    limits, place = read_limits(settings), _know_place(folder)
    runner = Runner(store, bell, time.time, os.environ, place=place, limits=limits, accounts=accounts)
    try:
        work(runner, stop, lambda: os.utime(folder / _LOCK_FILE))
    finally:
        store.close()


def work(runner: Runner, stop: Stop, live: Callable[[], None]) -> None:
    """Let a runner work until it is asked to stop; `live` is called after each step."""
    try:
        while not stop.asked:
            try:
                runner.step()
                live()
            except StoreError as error:
                _log.warning("store trouble, trying again: %s", error)
                runner.surrender()
                stop.pause(_TROUBLE_PAUSE_S)
    finally:
        runner.close()


def runner_lives(folder: Path) -> bool:
    """Tell whether a runner works on a data folder and has done something lately."""
    try:
        with (folder / _LOCK_FILE).open() as file:
            if time.time() - os.fstat(file.fileno()).st_mtime > _SILENT_S:
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _know_place(folder: Path) -> str:
    """Give the name of the data folder among all replicas, the same after a restart."""
    place = folder / _PLACE_FILE
    with contextlib.suppress(FileExistsError), place.open("x") as file:
        file.write(uuid.uuid4().hex)
    return place.read_text()


def _lock(file: TextIO, stop: Stop, patience_s: float) -> bool:
    """Get the lock of the data folder; the runner before us may need a moment to end its children."""
    deadline = time.monotonic() + patience_s
    while not stop.asked and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        stop.pause(_LOCK_PAUSE_S)
    return False
