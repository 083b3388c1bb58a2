"""Be the runner process: one for each data folder, ended by SIGTERM, and then nothing of it is left."""

import contextlib
import fcntl
import logging
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from types import FrameType
from typing import TextIO

from webhooks.errors import StoreError
from webhooks.runs.bell import Bell
from webhooks.runs.families import hide
from webhooks.runs.runner import Runner
from webhooks.settings import LogFormat
from webhooks.store.sql import SqlStore, locate
from webhooks.telemetry import logs

STORE_VARIABLE = "PENSTOCK_STORE"
"""The variable that names the store; empty is a file in the data folder."""

LOG_VARIABLE = "PENSTOCK_LOG_FORMAT"
"""The variable that names the form of the log."""

BELL_FILE = "bell"
"""The name of the runner's bell in the data folder."""

_PLACE_FILE = "place"
_LOCK_FILE = "runner.lock"
_LOCK_PATIENCE_S = 10.0
_LOCK_PAUSE_S = 0.1
_TROUBLE_PAUSE_S = 1.0
_TEMPORARY = 75
_SILENT_S = 60.0
_log = logging.getLogger("penstock.runner")


class _Stop:
    """Remember that the runner was asked to stop; a plain flag, since a signal handler must take no lock."""

    def __init__(self) -> None:
        self.asked = False

    def pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)


def main(argv: list[str]) -> int:
    """Run tests for the data folder named first in `argv` until SIGTERM or SIGINT."""
    folder = Path(argv[0])
    hide()
    logs.set_up(LogFormat(os.environ.get(LOG_VARIABLE, LogFormat.TEXT.value)))
    stop = _Stop()
    bell = Bell(folder / BELL_FILE)

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True
        bell.ring()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with (folder / _LOCK_FILE).open("w") as file:
        if _lock(file, stop, _LOCK_PATIENCE_S):
            _serve(folder, bell, stop)
        elif not stop.asked:
            _log.error("another runner works on %s; stop it first", folder)
            return _TEMPORARY
    return 0


def _serve(folder: Path, bell: Bell, stop: _Stop) -> None:
    store = SqlStore(locate(os.environ.get(STORE_VARIABLE, ""), folder))
    runner = Runner(store, bell, time.time, os.environ, place=_know_place(folder))
    try:
        while not stop.asked:
            try:
                runner.step()
                os.utime(folder / _LOCK_FILE)
            except StoreError as error:
                _log.warning("store trouble, trying again: %s", error)
                runner.surrender()
                stop.pause(_TROUBLE_PAUSE_S)
    finally:
        runner.close()
        store.close()


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


def _lock(file: TextIO, stop: _Stop, patience_s: float) -> bool:
    """Get the lock of the data folder; the runner before us may need a moment to end its children."""
    deadline = time.monotonic() + patience_s
    while not stop.asked and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        stop.pause(_LOCK_PAUSE_S)
    return False
