"""Find the command that was called and run it; modules are loaded only when their command is.

The commands of the other two products are known here by name alone.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from workflows.errors import ConfigurationError, ExitCode, FencedError, PenstockError, TemporaryError

_MISUSED = 2
"""How argparse ends for a wrong command line."""


@dataclass(frozen=True, slots=True)
class Command:
    """Name where a command lives, say in one line what it does, and name what makes its parser."""

    module: str
    function: str
    summary: str
    parser: str = "make_parser"


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "demo": Command("workflows.local.demo", "main", "perform a good and a bad release on this machine"),
        "backtest": Command("workflows.cli.backtest", "main", "tell what would have been decided in the past"),
        "run": Command("workflows.cli.run", "main", "release what is new, to the end"),
        "stage": Command("workflows.cli.stage", "main", "run one stage of a release"),
        "simulate": Command("workflows.cli.simulate", "main", "tell beforehand how releases would go"),
        "pause": Command("workflows.cli.orders", "pause_main", "hold the weight of a release", "pause_parser"),
        "resume": Command("workflows.cli.orders", "resume_main", "let a paused release go on", "resume_parser"),
        "abort": Command("workflows.cli.orders", "abort_main", "roll a release back", "abort_parser"),
        "retry": Command(
            "workflows.cli.orders", "retry_main", "let a revision that failed be released again", "retry_parser"
        ),
        "promote": Command(
            "workflows.cli.orders", "promote_main", "take the next step without its approval", "promote_parser"
        ),
        "wait": Command("workflows.cli.wait", "main", "wait until a canary of a cluster is promoted"),
        "verdict": Command("workflows.cli.verdict", "main", "tell whether a canary does well, as an exit code"),
        "adopt": Command(
            "workflows.cli.ownership", "adopt_main", "take a canary over from Flagger's controller", "adopt_parser"
        ),
        "hand-back": Command(
            "workflows.cli.ownership",
            "hand_back_main",
            "give a canary back to Flagger's controller",
            "hand_back_parser",
        ),
        "revert": Command("workflows.cli.reversion", "main", "take a canary of a cluster back to plain Kubernetes"),
        "watchdog": Command("workflows.cli.watchdog", "main", "end the releases of a cluster whose owners are gone"),
        "explain": Command(
            "workflows.cli.journal", "explain_main", "tell why a release ended as it did", "explain_parser"
        ),
        "replay": Command(
            "workflows.cli.journal", "replay_main", "make every decision of a journal again", "replay_parser"
        ),
        "verify": Command(
            "workflows.cli.journal", "verify_main", "check that a journal was not changed", "verify_parser"
        ),
        "lint": Command("workflows.canary.lint", "main", "say what is wrong with a Canary file"),
        "render": Command("workflows.cli.render", "main", "write the YAML that belongs to a canary"),
        "local": Command("workflows.local.cli", "main", "run a service on this machine behind Envoy"),
        "serve": Command("workflows.serving", "main", "answer Flagger's webhooks"),
        "loadtester": Command("webhooks.cli.loadtester", "main", "take the place of Flagger's loadtester"),
        "runner": Command("webhooks.cli.runner", "main", "run tests apart from the service that answers webhooks"),
        "catalog": Command("webhooks.cli.catalog", "main", "check, list and try the tests of a catalog"),
        "gate": Command("webhooks.cli.gate", "main", "list, approve and close gates"),
        "runs": Command("webhooks.cli.runs", "main", "list, wait for and cancel the runs of tests"),
        "token": Command("webhooks.cli.token", "main", "make a token for the HTTP API"),
        "load": Command("loadtester.cli", "main", "make load and judge it"),
        "init": Command("workflows.cli.init", "main", "write a first Canary, catalog and values for the chart"),
        "doctor": Command("workflows.cli.doctor", "main", "examine what a release needs, and say what mends it"),
        "completion": Command("workflows.cli.completion", "main", "print a script for the completion of a shell"),
    }
)

USAGE = """usage: penstock COMMAND ...

commands:
{commands}

`penstock COMMAND --help` says more. `penstock --version` tells the version."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what a user can mend is one line on stderr, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments.pop(0) if arguments else "--help"
    if name in {"-h", "--help", "help"}:
        sys.stdout.write(_usage() + "\n")
        return ExitCode.PROMOTED
    if name in {"-V", "--version"}:
        sys.stdout.write(f"penstock {importlib.import_module('workflows.cli.version').find_version()}\n")
        return ExitCode.PROMOTED
    if name not in COMMANDS:
        return _complain(
            f"unknown command {name!r};{_suggest(name)} known: {', '.join(COMMANDS)}", ExitCode.CONFIGURATION
        )
    return run_command(COMMANDS[name], arguments)


def run_command(command: Command, arguments: list[str]) -> int:
    """Load a command, run it, and turn an error that a user can mend into a line and a code."""
    function = getattr(importlib.import_module(command.module), command.function)
    try:
        return int(function(arguments))
    except PenstockError as error:
        return _complain(str(error), _code(error))
    except SystemExit as ended:
        # What is wrong was said; 2 of its own belongs to commands that return it.
        if ended.code == _MISUSED:
            return ExitCode.CONFIGURATION
        raise
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    except BrokenPipeError:
        return ExitCode.TEMPORARY


def _code(error: PenstockError) -> ExitCode:
    match error:
        case ConfigurationError():
            return ExitCode.CONFIGURATION
        case TemporaryError():
            return ExitCode.TEMPORARY
        case FencedError():
            return ExitCode.FENCED
        case _:
            return ExitCode.FAILED


def _suggest(name: str) -> str:
    # Loaded for a slip alone.
    close: list[str] = importlib.import_module("difflib").get_close_matches(name, COMMANDS, n=1)
    return f" did you mean {close[0]!r}?" if close else ""


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"penstock: {message}\n")
    return code


def _usage() -> str:
    width = max(len(name) for name in COMMANDS)
    return USAGE.format(commands="\n".join(f"  {name:{width}}  {each.summary}" for name, each in COMMANDS.items()))
