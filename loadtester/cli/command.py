"""Read the command line and do what it says."""

import argparse
import sys
from collections.abc import Callable, Mapping

from loadtester.cli import arguments, reports, runs
from loadtester.cli.exits import EXIT_BAD_PLAN, EXIT_INCONCLUSIVE, EXIT_SCRIPT
from loadtester.errors import EngineError, PlanError, ScriptError

_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": runs.run,
    "compare": runs.run,
    "worker": runs.work,
    "report": reports.report,
    "render": reports.render,
    "schema": reports.schema,
}


def main(argv: list[str]) -> int:
    """Run one command and give its exit code; the first word names the command."""
    given = arguments.parse(argv)
    try:
        return _COMMANDS[given.command](given)
    except PlanError as error:
        return _say(error, EXIT_BAD_PLAN)
    except ScriptError as error:
        return _say(error, EXIT_SCRIPT)
    except (EngineError, OSError) as error:
        return _say(error, EXIT_INCONCLUSIVE)


def _say(error: Exception, code: int) -> int:
    print(error, file=sys.stderr)  # noqa: T201 - a command's own words
    return code
