"""Run a plan in the foreground: start the engine first, read the plan while it gets ready, show, judge, report."""

import argparse
import json
import signal
import sys
from typing import Any

from loadtester.cli.arguments import plan_of
from loadtester.cli.exits import exit_code
from loadtester.cli.outputs import require_writable
from loadtester.errors import PlanError
from loadtester.plan import LoadPlan
from loadtester.plan_file import read_plan
from loadtester.process import EngineProcess, LoadRun, Team
from loadtester.rendering.console import progress_line, progress_lines
from loadtester.report import LoadReport

_LINE_EVERY = 5


def run(given: argparse.Namespace) -> int:
    """Run or compare, and give the exit code."""
    if given.tick <= 0:
        raise PlanError(f"--tick: {given.tick} is not above 0")
    if given.in_cluster:
        from loadtester.cli import cluster_runs  # noqa: PLC0415 - only this needs it

        return cluster_runs.run(given)
    with LoadRun(given.engine) as load:
        plan = plan_of(given)
        require_writable(given)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: load.cancel())
        tolerances = {key: getattr(given, key) for key in ("error_tolerance", "latency_tolerance") if key in given}
        load.start(plan, tick_s=given.tick, team=Team.of(given.workers, given.bind, given.web), **tolerances)
        _show(given, plan, load)
    document = load.document()
    if given.live:
        _say_line(load, "end", report=document["report"], verdict=document["verdict"])
    else:
        print(f"{load.verdict.outcome.value}: " + "; ".join(load.verdict.reasons))  # noqa: T201 - a command's own words
    if given.json is not None:
        given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    if given.report is not None:
        from loadtester.cli.reports import write_reports  # noqa: PLC0415 - a run's start need not wait for it

        write_reports(document, given.report)
    return exit_code(load)


def work(given: argparse.Namespace) -> int:
    """Be one worker until the master ends the run."""
    with given.engine or EngineProcess() as engine:
        plan = read_plan(given.plan)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: engine.cancel())
        engine.order(plan, team=Team.worker(given.master, given.workers))
        for _ in engine.reports():
            pass
        return 0 if engine.ending.finished else 1


def _show(given: argparse.Namespace, plan: LoadPlan, load: LoadRun) -> None:
    last, drawn = LoadReport(), 0
    terminal = sys.stderr.isatty()
    for count, report in enumerate(load.reports(), 1):
        if given.live:
            _say_line(load, "tick", report=report.to_dict())
        elif terminal:
            lines = progress_lines(report, report.since(last), plan.length_s)
            drawn = _draw(lines, drawn)
            last = report
        elif count % _LINE_EVERY == 0:
            print(progress_line(report, report.since(last)), file=sys.stderr, flush=True)  # noqa: T201 - the log
            last = report


def _draw(lines: list[str], drawn: int) -> int:
    up = f"\x1b[{drawn}A" if drawn else ""
    sys.stderr.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
    sys.stderr.flush()
    return len(lines)


def _say_line(load: LoadRun, kind: str, **content: Any) -> None:
    try:
        print(json.dumps({"kind": kind, **content}, separators=(",", ":")), flush=True)  # noqa: T201 - the parent reads it
    except BrokenPipeError:
        # nobody reads any more: stop, and keep the interpreter's own flush at exit from failing too
        load.cancel()
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends
