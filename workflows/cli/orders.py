"""Run `penstock pause`, `resume`, `abort`, `retry` and `promote`: what people ask of a release.

An order is kept beside the release's state; whoever drives the release, a run or the next stage, heeds it at its next
tick. The rule to keep: nothing here moves traffic.
"""

import argparse
import getpass
import sys
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from workflows import wiring
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.subject import KUBERNETES, add_cluster_options, connect, read_name
from workflows.errors import ConfigurationError, ExitCode
from workflows.ports import StateStore
from workflows.process import owner
from workflows.rollout.order import FITTING, Command, Order
from workflows.states.place import Place


def pause_main(argv: Sequence[str]) -> int:
    """Hold the weight of a release until it is resumed; its canary is still judged."""
    return _give(Command.PAUSE, pause_parser().parse_args(list(argv)))


def resume_main(argv: Sequence[str]) -> int:
    """Let a paused release go on."""
    return _give(Command.RESUME, resume_parser().parse_args(list(argv)))


def abort_main(argv: Sequence[str]) -> int:
    """Roll a release back."""
    return _give(Command.ABORT, abort_parser().parse_args(list(argv)))


def retry_main(argv: Sequence[str]) -> int:
    """Let a revision that failed be released again by the next run."""
    return _give(Command.RETRY, retry_parser().parse_args(list(argv)))


def promote_main(argv: Sequence[str]) -> int:
    """Take the next step without the approval or the resumption it waits for; with --full skip what is left."""
    return _give(Command.PROMOTE, promote_parser().parse_args(list(argv)))


def _give(command: Command, arguments: argparse.Namespace) -> int:
    place = Place(arguments.namespace or DEFAULT_NAMESPACE, read_name(arguments.canary))
    if command is Command.PROMOTE and arguments.full:
        command = Command.PROMOTE_FULL
    cluster = connect(arguments) if arguments.platform == KUBERNETES else None
    wishes = wiring.Wishes(directory=arguments.dir, cluster=cluster)
    states = wiring.open_states(arguments.platform, place, wishes)
    _refuse_unfit(states, command, place)
    states.order(Order(command, _who(), uuid.uuid4().hex[:12]))
    sys.stdout.write(f"{place}: {command.value} is ordered; it is heeded at the release's next tick\n")
    return ExitCode.PROMOTED


def _refuse_unfit(states: StateStore, command: Command, where: Place) -> None:
    state = states.load()
    if state is None:
        raise ConfigurationError(f"{where}: no release of it is known here; look at the name, -n and --platform")
    if state.phase not in FITTING[command]:
        fitting = " or ".join(sorted(phase.value for phase in FITTING[command]))
        raise ConfigurationError(f"{where}: cannot {command.value} in phase {state.phase.value}; it needs {fitting}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A pod's user need not have a name.
        return owner()


def _make_parser(command: Command, about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"penstock {command.value}", description=about)
    parser.add_argument("canary", metavar="CANARY", help="canary/NAME")
    add_cluster_options(parser)
    parser.add_argument("--platform", default=KUBERNETES, metavar="NAME", help="kubernetes or local (kubernetes)")
    parser.add_argument(
        "--dir", type=Path, default=wiring.LOCAL_DIRECTORY, metavar="DIR", help="the local platform's folder"
    )
    if command is Command.PROMOTE:
        parser.add_argument("--full", action="store_true", help="skip the rest of the analysis")
    return parser


pause_parser = partial(_make_parser, Command.PAUSE, pause_main.__doc__)
resume_parser = partial(_make_parser, Command.RESUME, resume_main.__doc__)
abort_parser = partial(_make_parser, Command.ABORT, abort_main.__doc__)
retry_parser = partial(_make_parser, Command.RETRY, retry_main.__doc__)
promote_parser = partial(_make_parser, Command.PROMOTE, promote_main.__doc__)
