"""Know this process: its name as the owner of a release, and the signals that end it.

The rule to keep: what follows the first signal is the way home for the traffic, and a second signal must not cut it.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first SIGINT, SIGTERM or SIGHUP of a block and ignore the ones after it."""
    before = {number: signal.signal(number, _raise_once) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_once(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def owner() -> str:
    """Name this process as the owner of a release."""
    return f"{socket.gethostname()}/{os.getpid()}"
