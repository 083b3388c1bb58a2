"""Tell what a spec or a judge would have decided in the past.

With --prometheus a good version is released at many past moments, on the traffic that the service had then: whatever
would have been rolled back is a false alarm, or an incident that both versions shared. Custom queries count as passed.
Without it the files are journals of releases, and another judge looks at the windows that they recorded.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from workflows import canary
from workflows.canary import durations
from workflows.canary.override import with_interval, with_judge
from workflows.errors import ConfigurationError, ExitCode
from workflows.foresight import backtest, rejudgement, simulation
from workflows.foresight.backtest import Attempt
from workflows.foresight.past import Past
from workflows.foresight.rejudgement import Rejudgement
from workflows.journal import place, reader
from workflows.metrics import endpoint
from workflows.metrics.history import read_history
from workflows.metrics.prometheus import Span
from workflows.output import add_output_option, show
from workflows.progress import track
from workflows.reports.text import printable
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Outcome

_MOST_STARTS = 5000
_MOST_SHOWN = 20
_LEAST_STEP_S, _MOST_STEP_S = 10.0, 60.0


def main(argv: Sequence[str]) -> int:
    """Judge the past: of a service by its Prometheus, or of releases by their journals."""
    arguments = make_parser().parse_args(list(argv))
    return _judge_service(arguments) if arguments.prometheus else _judge_journals(arguments)


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        "penstock backtest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a Canary with --prometheus, else journals")
    parser.add_argument("--judge", metavar="NAME", help="threshold, evidence or evidence-strict (that of the file)")
    parser.add_argument("--prometheus", default="", metavar="URL", help="whose past is judged")
    parser.add_argument("--from", dest="begin", default="24h", metavar="TIME", help="a time, or so long ago (24h)")
    parser.add_argument("--to", dest="end", default="0s", metavar="TIME", help="a time, or so long ago (now)")
    parser.add_argument("--every", default="30m", metavar="30m", help="how often a release begins (30m)")
    parser.add_argument("--interval", metavar="10s", help="instead of spec.analysis.interval")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which requests meet the canary (1)")
    add_output_option(parser)
    return parser


def _judge_service(arguments: argparse.Namespace) -> int:
    if len(arguments.files) != 1:
        raise ConfigurationError("--prometheus: name one file with one Canary")
    plan = _read_plan(arguments)
    now = datetime.now(UTC)  # noqa: TID251 - a command asks for the time once, nothing waits for it
    begin, end = _read_time("--from", arguments.begin, now), _read_time("--to", arguments.end, now)
    every = _read_length("--every", arguments.every)
    starts = range(int(begin), int(end), every)
    if not 0 < len(starts) <= _MOST_STARTS:
        raise ConfigurationError(
            f"--from {arguments.begin} --to {arguments.end} --every {arguments.every}: {len(starts)} releases; "
            f"1 to {_MOST_STARTS} can be tried"
        )
    step = min(_MOST_STEP_S, max(_LEAST_STEP_S, plan.analysis.interval.total_seconds()))
    past = Past(read_history(endpoint.at("prometheus", arguments.prometheus), plan, Span(begin, end, step)))
    if not past.requests:
        raise ConfigurationError(
            f"{arguments.prometheus}: no requests of {plan.key} between --from and --to; "
            "look at spec.provider, and at how long that Prometheus keeps its data"
        )
    attempts = list(track(backtest.attempt_all(plan, past, starts, arguments.seed), len(starts), "releasing"))
    rows = [asdict(attempt) | {"outcome": attempt.outcome and attempt.outcome.value} for attempt in attempts]
    show(arguments.output, rows, partial(_draw_attempts, plan, attempts))
    return ExitCode.PROMOTED


def _read_plan(arguments: argparse.Namespace) -> RolloutPlan:
    plan = canary.load(Path(arguments.files[0]))
    plan = plan if arguments.interval is None else with_interval(plan, arguments.interval)
    plan = plan if arguments.judge is None else with_judge(plan, arguments.judge)
    simulation.check(plan)
    return plan


def _read_time(option: str, text: str, now: datetime) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now.timestamp() - _read_length(option, text, least=0)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _read_length(option: str, text: str, *, least: int = 1) -> int:
    try:
        seconds = int(durations.parse(text).total_seconds())
    except durations.DurationError as error:
        raise ConfigurationError(f"{option}: {text!r} {error}") from error
    if seconds < least:
        raise ConfigurationError(f"{option}: {text!r} is less than {least} s")
    return seconds


def _draw_attempts(plan: RolloutPlan, attempts: list[Attempt]) -> str:
    stopped = [each for each in attempts if each.outcome and each.outcome is not Outcome.PROMOTED]
    lines = [_describe_attempt(attempt) for attempt in stopped[:_MOST_SHOWN]]
    if len(stopped) > _MOST_SHOWN:
        lines.append(f"... and {len(stopped) - _MOST_SHOWN} more")
    share, cut = backtest.false_alarms(attempts), sum(attempt.outcome is None for attempt in attempts)
    unfinished = f", {cut} went on past the end" if cut else ""
    said = f"{share} of them stopped although both versions were the same" if share else "none came to an end"
    lines.append(f"{plan.key}, judge {plan.judge.value}: {len(attempts)} releases{unfinished}; {said}")
    return "".join(f"{line}\n" for line in lines)


def _describe_attempt(attempt: Attempt) -> str:
    began = datetime.fromtimestamp(attempt.started, UTC)
    return printable(f"{began:%Y-%m-%d %H:%M} stopped after {attempt.seconds:.0f} s: {attempt.reason}")


def _judge_journals(arguments: argparse.Namespace) -> int:
    if arguments.judge is None:
        raise ConfigurationError("--judge: name the judge that is to look at the journals, or a --prometheus")
    paths = [path for name in arguments.files for path in place.find(name)]
    judged = (rejudgement.rejudge(reader.read(path), arguments.judge) for path in paths)
    found = list(track(judged, len(paths), "judging"))
    lines = [printable(f"{path}: {_describe(each)}") + "\n" for path, each in zip(paths, found, strict=True)]
    show(arguments.output, [asdict(each) for each in found], lambda: "".join(lines))
    return ExitCode.PROMOTED


def _describe(found: Rejudgement) -> str:
    if not found.windows:
        return f"{found.key}: {found.happened}; it holds no window to judge"
    what = f"{found.key}: {found.happened} after {found.happened_s:.0f} s and {found.windows} windows"
    if found.stopped_s is None:
        return f"{what}; {found.judge} would have let it go on"
    at = f"after {found.stopped_s:.0f} s at weight {found.weight}"
    return f"{what}; {found.judge} would have stopped it {at}: {found.reason}"
