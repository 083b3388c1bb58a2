"""Make a bearer token: `penstock token NAME --scopes read,approve --file FILE`; it is shown once and kept as a hash."""

import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from webhooks.access import make_token
from webhooks.access.scopes import Scope
from webhooks.access.tokens import TokenEntry, read_entry, read_scopes
from webhooks.errors import SettingsError

_BAD_ARGUMENT = 78
_OWNER_ONLY = 0o600


def make_parser() -> ArgumentParser:
    """Describe the flags."""
    known = ", ".join(scope.value for scope in Scope)
    parser = ArgumentParser(prog="penstock token", description="Make a token for the HTTP API of penstock serve.")
    parser.add_argument("name", metavar="NAME", help="who uses it, such as ann or release-pipeline")
    told = f"what it is good for, with commas: {known} (read)"
    parser.add_argument("--scopes", default="read", metavar="SCOPES", help=told)
    told = "add its line to this file; without, the line is shown on stderr"
    parser.add_argument("--file", type=Path, metavar="FILE", help=told)
    parser.add_argument("--until", default="", metavar="YYYY-MM-DD", help="the day on which it is no longer good")
    return parser


def main(argv: list[str]) -> int:
    """Make one token: 0 done, 78 bad argument."""
    asked = make_parser().parse_args(argv)
    try:
        token, line = make_token(asked.name, read_scopes(asked.scopes), asked.until)
        _refuse_expired(read_entry(line))
        if asked.file is None:
            print(line, file=sys.stderr)  # noqa: T201 - the output of the command
        else:
            _append(asked.file, line)
    except SettingsError as error:
        print(f"penstock token: {error}", file=sys.stderr)  # noqa: T201 - the edge of the command
        return _BAD_ARGUMENT
    print(token)  # noqa: T201 - the output of the command
    return 0


def _refuse_expired(entry: TokenEntry) -> None:
    if 0 < entry.until <= time.time():
        raise SettingsError("until: a token ends when its day begins in UTC, and this day has begun; name a later one")


def _append(path: Path, line: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _OWNER_ONLY)
        with open(descriptor, "a", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, opened with its mode
            file.write(line + "\n")
    except OSError as error:
        raise SettingsError(f"file: {path} cannot be written ({error.strerror})") from error
