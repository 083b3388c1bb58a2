"""Find the parsers of all commands without running one: for completion, for the reference, and for tests.

The commands of the other two products are known by name alone.
"""

import argparse
import importlib
from collections.abc import Iterator, Mapping

from workflows.cli import COMMANDS


def find_parser(name: str) -> argparse.ArgumentParser:
    """Make the parser of a command; raises KeyError for a name that is none."""
    command = COMMANDS[name]
    parser: argparse.ArgumentParser = getattr(importlib.import_module(command.module), command.parser)()
    return parser


def find_subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """List the commands of a command, such as `list` of `penstock gate`, with their parsers."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to what was added
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - see above
            return dict(action.choices)
    return {}


def walk() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give every command and command of a command by its words, such as `gate list`, with its parser."""
    for name in COMMANDS:
        parser = find_parser(name)
        yield name, parser
        for below, each in find_subcommands(parser).items():
            yield f"{name} {below}", each
