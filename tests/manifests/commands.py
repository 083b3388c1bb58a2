"""Hold the words of a container against the options of the command that it calls."""

import re
from collections.abc import Sequence
from importlib import import_module

from workflows.cli import COMMANDS

_TAG = re.compile(r"\{\{(?:[\w-]+\.)*([\w-]+)\}\}|\$\((?:[\w-]+\.)*([\w-]+)\)")
_SAMPLES = {"on-conflict": "fail", "stage": "gate", "mode": "run"}


def accept(words: Sequence[str]) -> None:
    """Fail (SystemExit) where the command does not know an option; variables of the engine are filled in."""
    filled = [_TAG.sub(lambda tag: _SAMPLES.get(tag[1] or tag[2], "1"), word) for word in words]
    command = COMMANDS[filled[0]]
    getattr(import_module(command.module), command.parser)().parse_args(filled[1:])
