"""Release what is new of one canary, to the end, with an exit code that tells a pipeline how it went."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from workflows import loop
from workflows.cli.arguments import add_platform_options, build_platform
from workflows.cli.recording import open_journal
from workflows.cli.report_to import add_report_option, telling
from workflows.cli.subject import Subject, add_subject_options, find_subject
from workflows.errors import ConfigurationError
from workflows.journal import place
from workflows.notifiers.console import ConsoleEvents
from workflows.process import interruptible, owner
from workflows.progress import waiting
from workflows.records import TickRecord, keep_nothing
from workflows.release import Release
from workflows.reports.recorder import Recorder
from workflows.reports.release import write_json
from workflows.rollout.state import Cause, RolloutState

EXIT_CODES = """exit codes:
  0 promoted, or nothing to release   10 rolled back    11 inconclusive    12 refused by a gate
  13 failed otherwise                 14 another owner holds the release
  75 temporary trouble                78 bad configuration"""


def main(argv: Sequence[str]) -> int:
    """Release what is new of one canary, to the end."""
    arguments = make_parser().parse_args(list(argv))
    subject = find_subject(arguments, arguments.canary)
    plan = subject.plan
    if arguments.shadow:
        # Loaded when asked for: a release does not pay for what watches one.
        return int(import_module("workflows.cli.shadow").watch(arguments, subject))
    if plan.suspend:
        raise ConfigurationError(f"{subject.name}: spec.suspend: true; nothing is released until it is false")
    if arguments.report:
        # A report that cannot be written is said before anything moves.
        write_json(arguments.report, [])
    path = _find_journal(arguments, subject)
    journal = open_journal(path, subject) if path else None
    platform = build_platform(arguments, subject, ConsoleEvents())
    release = Release(platform, plan, owner(), keep=journal.keep if journal else keep_nothing)
    recorder = Recorder(plan)
    with telling(arguments.report_to, release, path) as told:
        try:
            state = _run(told, recorder)
        finally:
            if arguments.report and recorder.moved:
                write_json(arguments.report, [recorder.report(release.state())])
            if journal:
                journal.close(release.state)
    sys.stdout.write(summarise(state, recorder) + "\n")
    return loop.exit_code(state)


def _run(release: Release, recorder: Recorder) -> RolloutState:
    def watch(record: TickRecord) -> None:
        recorder.watch(record)
        state = record.decision.state
        tell(f"{state.phase.value}, weight {state.weight}")

    try:
        with interruptible(), waiting(f"releasing {recorder.name}") as tell:
            return loop.run(release, watch)
    except KeyboardInterrupt:
        return release.state()


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        "penstock run", description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("canary", type=Path, nargs="?", metavar="FILE", help="a file with one Canary")
    add_subject_options(parser)
    add_platform_options(parser)
    add_report_option(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what happened as JSON")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep every decision (NAME.journal.jsonl beside the report)"
    )
    parser.add_argument(
        "--shadow",
        nargs="?",
        const="1h",
        metavar="1h",
        help="only watch the next release, which somebody else drives, for at most so long, and say what we would do",
    )
    return parser


def _find_journal(arguments: argparse.Namespace, subject: Subject) -> Path | None:
    path: Path | None = arguments.journal or (arguments.report and place.beside(arguments.report, subject.plan.name))
    return path


def summarise(state: RolloutState, recorder: Recorder) -> str:
    """Say in one line how the release ended and why."""
    if not recorder.moved and state.cause is Cause.PRIMARY_NOT_READY:
        return f"{recorder.name}: nothing was released, {state.reason}"
    if not recorder.moved:
        return f"{recorder.name}: nothing new to release, the primary runs {state.promoted_revision or 'nothing'}"
    weights = ", ".join(str(weight) for weight in recorder.weights)
    outcome = state.cause.outcome.value.replace("_", " ") if state.cause else state.phase.value
    why = f": {state.reason}" if state.reason else ""
    return f"{recorder.name}: {outcome} after weights {weights}{why}"
