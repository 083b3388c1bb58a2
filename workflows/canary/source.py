"""Fetch the text of a file, or say why there is none."""

import sys

from workflows.canary.findings import Finding, Level
from workflows.canary.loader import MAX_CHARACTERS

STANDARD_INPUT = "-"
_BYTE_ORDER_MARK = "\ufeff"


def fetch(path: str) -> str | Finding:
    """Read a file, or standard input for `-`; gives a finding where it cannot be read as UTF-8 text."""
    try:
        return _decode(_read(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Finding(Level.ERROR, "", None, f"cannot be read: {reason}", "name a file that holds a Canary")


def _read(path: str) -> bytes:
    most = MAX_CHARACTERS * 4
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(most)
    with open(path, "rb") as file:  # noqa: PTH123 - a path from the command line may be any text
        return file.read(most)


def _decode(data: bytes) -> str:
    try:
        return data.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"byte {data[error.start]:#04x} on line {line} is not UTF-8 text") from error
