"""Print a script with which a shell completes the commands, their options and values.

The script holds all that it offers, so that a shell starts nothing when it completes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import shtab

from workflows.cli import COMMANDS, parsers
from workflows.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")
WHERE = """where to keep the script:
  bash: penstock completion bash > ~/.local/share/bash-completion/completions/penstock
  zsh:  penstock completion zsh > FOLDER/_penstock, in a folder of $fpath
  fish: penstock completion fish > ~/.config/fish/completions/penstock.fish"""


def main(argv: Sequence[str]) -> int:
    """Print the script of one shell."""
    arguments = make_parser().parse_args(list(argv))
    sys.stdout.write(shtab.complete(_join_parsers(), arguments.shell) + "\n")
    return ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        "penstock completion",
        description=__doc__,
        epilog=WHERE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return parser


def _join_parsers() -> argparse.ArgumentParser:
    """Make one parser of all."""
    parser = argparse.ArgumentParser("penstock")
    parser.add_argument("-V", "--version", action="store_true", help="tell the version")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command in COMMANDS.items():
        each = parsers.find_parser(name)
        _mark_paths(each)
        for below in parsers.find_subcommands(each).values():
            _mark_paths(below)
        commands.add_parser(name, help=command.summary, parents=[each], add_help=False)
    return parser


def _mark_paths(parser: argparse.ArgumentParser) -> None:
    """Say which values are files and folders: those that are read as paths, or called so."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to what was added
        if action.type is Path or action.metavar in {"FILE", "DIR"}:
            action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined] # shtab's way
