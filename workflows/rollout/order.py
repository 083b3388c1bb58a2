"""Carry what a person asks of a release under way: pause, resume, abort, retry, promote.

An order is kept until another one takes its place; the state says which one was heeded last, so that none is heeded
twice, whatever crashes.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflows.rollout.phase import ANALYSED, UNDER_WAY, Phase


class Command(enum.Enum):
    """Name what can be asked."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    PROMOTE = "promote"
    PROMOTE_FULL = "promote-full"


FITTING: Mapping[Command, frozenset[Phase]] = MappingProxyType(
    {
        Command.PAUSE: ANALYSED,
        Command.RESUME: ANALYSED,
        Command.ABORT: UNDER_WAY,
        Command.RETRY: frozenset({Phase.FAILED}),
        Command.PROMOTE: ANALYSED | {Phase.WAITING},
        Command.PROMOTE_FULL: ANALYSED,
    }
)
"""Say in which phases a command has an effect; in all others it is passed over."""


@dataclass(frozen=True, slots=True)
class Order:
    """Hold one order: what, by whom, and a name of its own."""

    command: Command
    by: str
    id: str
