"""Start an engine's interpreter with next to nothing imported."""

import os
import subprocess
import sys


def start_engine() -> "subprocess.Popen[bytes]":
    """Start it in a session of its own; its owner is whoever is given this."""
    command = [sys.executable, "-m", "loadtester.engine", str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own interpreter and module
