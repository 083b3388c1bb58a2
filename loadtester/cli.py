"""Say `penstock load ...`: run a plan and let the exit code be its verdict.

Exit codes: 0 passed, 99 a threshold failed, 98 inconclusive, 104 bad plan, 105 cancelled, 107 the user's script is
at fault. The one rule to keep: bad input ends in one line for each fault, never in a traceback.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtester.errors import EngineError, PlanError
from loadtester.plan import LoadPlan
from loadtester.plan_file import plan_from, read_plan
from loadtester.process import Ending, EngineProcess
from loadtester.report import LoadReport
from loadtester.verdict import LoadOutcome, LoadVerdict, judge, parse_threshold

EXIT_FAILED = 99
EXIT_INCONCLUSIVE = 98
EXIT_BAD_PLAN = 104
EXIT_CANCELLED = 105
EXIT_SCRIPT = 107


def main(argv: list[str]) -> int:
    """Run one command and give its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except PlanError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's own words
        return EXIT_BAD_PLAN
    except EngineError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's own words
        return EXIT_INCONCLUSIVE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="penstock load", description="Make load and judge it.", exit_on_error=True)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a plan; the exit code is its verdict")
    run.add_argument("plan", nargs="?", type=Path, help="a plan file, YAML or JSON")
    run.add_argument("--target", help="the URL to load")
    run.add_argument("--rate", help="arrivals per second (open mode)")
    run.add_argument("--users", help="users (closed mode)")
    run.add_argument("--duration", help="such as 30s; without one until cancelled, at most one hour")
    run.add_argument("--timeout", help="such as 5s: a request without an answer by then has failed")
    run.add_argument("--threshold", action="append", dest="thresholds", metavar="EXPR", help="what must hold")
    run.add_argument("--json", type=Path, metavar="FILE", help="write the report and the verdict there")
    run.add_argument("--live", action="store_true", help="write one JSON line a tick to standard output")
    return parser


_PLAN_KEYS = ("target", "rate", "users", "duration", "timeout", "thresholds")


def _plan_of(arguments: argparse.Namespace) -> LoadPlan:
    given = {key: getattr(arguments, key) for key in _PLAN_KEYS if getattr(arguments, key) is not None}
    if arguments.plan is None:
        return plan_from(given)
    if given:
        raise PlanError(f"--{next(iter(given))}: the plan file says it already; leave one of the two out")
    return read_plan(arguments.plan)


def _run(arguments: argparse.Namespace) -> int:
    with EngineProcess() as engine:
        plan = _plan_of(arguments)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: engine.cancel())
        engine.order(plan)
        for report in engine.reports():
            if arguments.live:
                _say(engine, "tick", report.to_dict())
    verdict = _judge(plan, engine)
    document = {"report": engine.report.to_dict(), "verdict": verdict.to_dict()}
    if arguments.live:
        _say(engine, "end", **document)
    else:
        print(f"{verdict.outcome.value}: " + "; ".join(verdict.reasons))  # noqa: T201 - a command's own words
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return exit_code(verdict, engine)


def _say(engine: EngineProcess, kind: str, report: Mapping[str, Any], **more: Any) -> None:
    try:
        print(json.dumps({"kind": kind, "report": report, **more}), flush=True)  # noqa: T201 - the parent reads it
    except BrokenPipeError:
        engine.cancel()


def _judge(plan: LoadPlan, engine: EngineProcess) -> LoadVerdict:
    thresholds = [parse_threshold(text) for text in plan.thresholds]
    verdict = judge(thresholds, engine.report, minimum_requests=plan.minimum_requests)
    if engine.ending in (Ending.COMPLETE, Ending.CANCELLED) and not engine.reason:
        return verdict
    reasons = (f"{engine.ending.value}: {engine.reason}", *verdict.reasons)
    return LoadVerdict(LoadOutcome.INCONCLUSIVE, reasons, verdict.results)


def exit_code(verdict: LoadVerdict, engine: EngineProcess) -> int:
    """Give the exit code of a run: how it ended comes first, then what was judged."""
    match engine.ending:
        case Ending.SCRIPT | Ending.STALLED | Ending.MEMORY:
            return EXIT_SCRIPT
        case Ending.CANCELLED:
            return EXIT_CANCELLED
        case Ending.DIED:
            return EXIT_INCONCLUSIVE
        case Ending.COMPLETE:
            return EXIT_SCRIPT if engine.report.health.script_errors else _code_of(verdict, engine.report)


def _code_of(verdict: LoadVerdict, _: LoadReport) -> int:
    match verdict.outcome:
        case LoadOutcome.PASSED:
            return 0
        case LoadOutcome.FAILED:
            return EXIT_FAILED
        case LoadOutcome.INCONCLUSIVE:
            return EXIT_INCONCLUSIVE
