"""Read the command line and do what it says."""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping

from loadtester.cli import arguments, reports, runs
from loadtester.cli.exits import EXIT_BAD_PLAN, EXIT_INCONCLUSIVE, EXIT_SCRIPT
from loadtester.errors import EngineError, PlanError, ScriptError
from loadtester.process import EngineProcess

_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": runs.run,
    "compare": runs.run,
    "worker": runs.work,
    "report": reports.report,
    "render": reports.render,
    "schema": reports.schema,
}


def execute(argv: list[str], child: "subprocess.Popen[bytes] | None" = None) -> int:
    """Run one command, with an engine that was started for it, and give its exit code."""
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(EngineProcess(child)) if child is not None else None
        given = arguments.parse(argv)
        given.engine = engine
        return _guarded(given)


def _guarded(given: argparse.Namespace) -> int:
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
