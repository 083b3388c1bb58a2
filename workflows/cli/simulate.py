"""Tell beforehand how releases of a service would go, by drawn traffic."""

import argparse
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from workflows import canary
from workflows.canary.override import with_interval, with_judge
from workflows.errors import ConfigurationError, ExitCode
from workflows.foresight import forecast, plot, simulation, table
from workflows.foresight.forecast import Row, Service
from workflows.output import add_output_option, show
from workflows.progress import track

_JUDGES = ("threshold", "evidence")
_MOST_RPS = 1e6
_MOST_RUNS = 100_000


def main(argv: Sequence[str]) -> int:
    """Simulate releases of several kinds of canaries and print how they end."""
    arguments = make_parser().parse_args(list(argv))
    plan = canary.load(arguments.canary)
    plan = plan if arguments.interval is None else with_interval(plan, arguments.interval)
    simulation.check(plan)
    judges = tuple(dict.fromkeys(arguments.judge or _JUDGES))
    for judge in judges:
        with_judge(plan, judge)
    service = Service(_read_rps(arguments.rps), _read_share(arguments.base_errors), _read_ms(arguments.latency))
    drawn = forecast.forecast(plan, service, judges, runs=_read_runs(arguments.runs), seed=arguments.seed)
    rows = list(track(drawn, len(judges) * len(forecast.list_kinds(service)), "simulating"))
    if arguments.svg:
        _write(arguments.svg, plot.draw(rows))
    show(arguments.output, table.write_document(rows), partial(_draw, rows, arguments.seed))
    return ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock simulate", description=__doc__)
    parser.add_argument("canary", type=Path, metavar="FILE", help="a file with one Canary")
    parser.add_argument("--rps", required=True, metavar="N", help="requests per second of the whole service")
    parser.add_argument("--base-errors", default="0.1%", metavar="SHARE", help="what fails of them today (0.1%%)")
    parser.add_argument("--latency", default="100ms", metavar="MS", help="their median latency today (100ms)")
    parser.add_argument("--judge", action="append", metavar="NAME", help="threshold, evidence or evidence-strict")
    parser.add_argument("--interval", metavar="10s", help="instead of spec.analysis.interval")
    parser.add_argument("--runs", default="100", metavar="N", help="releases of each kind under each judge (100)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed draws the same traffic (1)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the share stopped over time")
    add_output_option(parser)
    return parser


def _draw(rows: Sequence[Row], seed: int) -> str:
    head = f"{len(rows[0].endings)} releases of each kind, seed {seed}; shares with their 95 % interval"
    return f"{head}\n\n{table.write_table(rows)}\n{table.write_verdicts(rows)}"


def _read_number(option: str, text: str, *, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most:
        raise ConfigurationError(f"{option}: {text!r} is not a number above 0 and up to {most:g}")
    return value


def _read_rps(text: str) -> float:
    return _read_number("--rps", text, most=_MOST_RPS)


def _read_ms(text: str) -> float:
    return _read_number("--latency", text.removesuffix("ms"), most=60_000)


def _read_runs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_RUNS:
        raise ConfigurationError(f"--runs: {text!r} is not a whole number from 1 to {_MOST_RUNS}")
    return int(text)


def _read_share(text: str) -> float:
    scale = 100.0 if text.endswith("%") else 1.0
    try:
        share = float(text.removesuffix("%")) / scale
    except ValueError:
        share = math.nan
    if not 0 <= share < 1:
        raise ConfigurationError(f"--base-errors: {text!r} is not a share such as 0.2% or 0.002")
    return share


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name another file with --svg") from error
