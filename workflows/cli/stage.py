"""Run one stage of a release, for a pipeline that shows each of them.

The stages of one release share an owner and leave the lease running between them: when no stage follows in time, the
watchdog sends the traffic home.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from webhooks.protocol import HookType
from workflows import loop, stages
from workflows.canary import durations
from workflows.cli.arguments import add_platform_options, build_platform
from workflows.cli.report_to import add_report_option, telling
from workflows.cli.results import describe, prepare, write_results
from workflows.cli.subject import Subject, add_subject_options, find_subject
from workflows.custody import keeping, let_go
from workflows.errors import ConfigurationError, ExitCode
from workflows.notifiers.console import ConsoleEvents
from workflows.process import interruptible
from workflows.records import keep_all
from workflows.release import Release
from workflows.rollout.ladder import count_judged
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.state import Cause, RolloutState

Stage = Callable[[Release, str], RolloutState]


def _set_weight(release: Release, value: str) -> RolloutState:
    return stages.set_weight(release, _read_percent("set-weight", value))


def _gate(release: Release, value: str) -> RolloutState:
    return stages.gate(release, at=_read_percent("gate", value) if value else 0)


def _read_percent(name: str, value: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", value) or int(value) > 100:  # noqa: PLR2004 - percent
        raise ConfigurationError(f"stage {name}: {value!r} is not a whole percent from 0 to 100")
    return int(value)


def _mirror(release: Release, value: str) -> RolloutState:
    if value not in {"on", "off"}:
        raise ConfigurationError(f"stage mirror: {value!r} is not on or off")
    return stages.mirror(release, on=value == "on")


def _finish(release: Release, _: str) -> RolloutState:
    return stages.finish(release, Cause.ABORTED, "the pipeline ended before the release did")


def _rollback(release: Release, _: str) -> RolloutState:
    return stages.rollback(release, Cause.ABORTED, "the stage rollback was called")


def _give_up(release: Release, _: str) -> RolloutState:
    return release.state()


STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "acquire": lambda release, _: release.state(),
        "initialise": lambda release, _: stages.initialise(release),
        "start": lambda release, _: stages.start(release),
        "set-weight": _set_weight,
        "mirror": _mirror,
        "gate": _gate,
        "promote": lambda release, _: stages.promote(release),
        "shift-back": lambda release, _: stages.shift_back(release),
        "finalise": lambda release, _: stages.finalise(release),
        "rollback": _rollback,
        "hold": lambda release, _: release.state(),
        "release": _give_up,
        "finish": _finish,
    }
)
_WITH_VALUE = frozenset({"hook", "set-weight", "mirror"})
_MAY_HAVE_VALUE = frozenset({"gate"})
_FIRST = frozenset({"acquire", "initialise"})
_LAST = frozenset({"release", "finish"})
_ALWAYS = frozenset({"status", "rollback", "release", "finish"})
"""Stages that a suspended canary must not be without: they show or end what was begun."""

_PATIENCE = "30m"


def main(argv: Sequence[str]) -> int:
    """Run one stage and tell by the exit code how the release stands."""
    arguments = make_parser().parse_args(list(argv))
    _check(arguments)
    prepare(arguments.results, arguments.report)
    subject = find_subject(arguments, arguments.file)
    if subject.plan.suspend and arguments.stage not in _ALWAYS:
        raise ConfigurationError(f"{subject.name}: spec.suspend: true; nothing is released until it is false")
    if arguments.stage not in _ALWAYS:
        _check_weights(arguments.most_weights, subject.plan)
    platform = build_platform(arguments, subject, ConsoleEvents())
    release = Release(platform, subject.plan, arguments.owner, _read_lease(arguments))
    if arguments.stage == "status":
        _print(arguments, release.plan, release.state())
        return ExitCode.PROMOTED
    run = _call_hooks if arguments.stage == "hook" else _run
    with (
        telling(arguments.report_to, release, arguments.journal) as release,
        _journalling(arguments, subject, release) as release,
        _reporting(arguments.report, release) as release,
    ):
        return run(arguments, release)


def _run(arguments: argparse.Namespace, release: Release) -> int:
    if arguments.stage == "acquire":
        patience = _read_duration("--wait", arguments.wait or _PATIENCE)
        stages.acquire(release, stages.Conflict(arguments.on_conflict), patience)
    with interruptible(), keeping(release):
        state = STAGES[arguments.stage](release, arguments.value)
    if not state.under_way:
        let_go(release)
    elif arguments.stage in _LAST:
        # Nobody may look away from a release under way: who gives it up leaves it to the watchdog.
        sys.stderr.write(f"penstock: {release.plan.key} is under way; when its lease runs out, the watchdog ends it\n")
    _print(arguments, release.plan, state)
    # What failed before these was another release, which does not keep this one from beginning.
    return ExitCode.PROMOTED if arguments.stage in _FIRST and state.phase is Phase.FAILED else loop.exit_code(state)


@contextmanager
def _journalling(arguments: argparse.Namespace, subject: Subject, release: Release) -> Iterator[Release]:
    """Keep what is decided in the journal that was asked for; the stages of one release go on in one file."""
    if not arguments.journal:
        yield release
        return
    # Loaded when asked for: a stage that keeps no journal does not pay for it.
    journal = import_module("workflows.cli.recording").open_journal(arguments.journal, subject)
    try:
        yield replace(release, keep=keep_all(journal.keep, release.keep))
    finally:
        journal.close(release.state)


@contextmanager
def _reporting(path: Path | None, release: Release) -> Iterator[Release]:
    if path is None:
        yield release
        return
    # Loaded when asked for, as the journal.
    with import_module("workflows.cli.reporting").reporting(path, release) as reported:
        yield reported


def _call_hooks(arguments: argparse.Namespace, release: Release) -> int:
    hook_type = HookType(arguments.value)
    patience = _read_duration("--wait", arguments.wait) if arguments.wait else timedelta()
    with interruptible(), keeping(release):
        answer = stages.hook(release, hook_type, patience)
    state = release.state()
    if not state.under_way:
        let_go(release)
    _print(arguments, release.plan, state)
    if answer.passed:
        return ExitCode.PROMOTED
    # A canary that went bad while its promotion was waited for has ended by itself.
    ended = hook_type is HookType.CONFIRM_PROMOTION and not state.under_way
    return loop.exit_code(state) if ended else ExitCode.REFUSED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock stage", description=__doc__)
    names = sorted({*STAGES, "hook", "status"})
    parser.add_argument("stage", choices=names, metavar="STAGE", help=", ".join(names))
    parser.add_argument(
        "value",
        nargs="?",
        default="",
        metavar="VALUE",
        help="for set-weight a percent, mirror on or off, hook a type; gate: the weight that must still be set",
    )
    parser.add_argument("--file", type=Path, metavar="CANARY", help="a file with one Canary")
    add_subject_options(parser)
    parser.add_argument(
        "--owner", default="pipeline", metavar="NAME", help="who owns the release; the same for all stages (pipeline)"
    )
    parser.add_argument(
        "--lease", default="60s", metavar="60s", help="how long the release may wait for its next stage (60s)"
    )
    parser.add_argument(
        "--hold", metavar="12h", help="hold: how long somebody may take to approve, for which the lease is made longer"
    )
    parser.add_argument(
        "--most-weights",
        type=int,
        metavar="N",
        help="refuse a canary that does not move by weights, or by more: the pipeline has no room for it",
    )
    conflicts = [each.value for each in stages.Conflict]
    parser.add_argument(
        "--on-conflict", choices=conflicts, default="fail", help="acquire: while another owner holds it (fail)"
    )
    parser.add_argument(
        "--wait", metavar="30m", help="acquire: how long for another owner (30m); hook: how long for a yes (once)"
    )
    _add_outputs(parser)
    add_report_option(parser)
    add_platform_options(parser)
    return parser


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="write phase, weight, next, verdict, reason and report, a file each"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what this stage decided as an HTML page")
    parser.add_argument("--report-url", default="", metavar="URL", help="where people see the release, for --results")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep every decision, in one file for all stages of a release"
    )


def _check(arguments: argparse.Namespace) -> None:
    if not arguments.owner:
        raise ConfigurationError("--owner: empty; name who owns the release, the same for all its stages")
    if arguments.stage not in _MAY_HAVE_VALUE and bool(arguments.value) is not (arguments.stage in _WITH_VALUE):
        needs = "a value" if arguments.stage in _WITH_VALUE else "no value"
        raise ConfigurationError(f"stage {arguments.stage}: needs {needs}, got {arguments.value!r}")
    types = [hook_type.value for hook_type in HookType]
    if arguments.stage == "hook" and arguments.value not in types:
        raise ConfigurationError(f"stage hook: unknown type {arguments.value!r}; known: {', '.join(types)}")


def _check_weights(most: int | None, plan: RolloutPlan) -> None:
    if most is None:
        return
    if plan.strategy is not Strategy.CANARY:
        raise ConfigurationError(
            f"{plan.key}: its strategy is {plan.strategy.value}, and this pipeline moves by weights; "
            "`penstock render argo` and `render tekton` write one for it"
        )
    if (count := count_judged(plan.analysis)) > most:
        raise ConfigurationError(
            f"{plan.key}: {count} weights, and this pipeline has room for {most}; take a larger stepWeight, "
            "or `penstock run`, which releases it in one pod"
        )


def _read_duration(option: str, text: str) -> timedelta:
    try:
        duration = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"{option}: {text!r} {error}") from error
    if duration < timedelta(seconds=1):
        raise ConfigurationError(f"{option}: {text} is less than a second")
    return duration


def _read_lease(arguments: argparse.Namespace) -> timedelta:
    lease = _read_duration("--lease", arguments.lease)
    # Read at every stage: what is wrong is said by the first of them, before anything is moved.
    held = _read_duration("--hold", arguments.hold) if arguments.hold else timedelta()
    return lease + held if arguments.stage == "hold" else lease


def _print(arguments: argparse.Namespace, plan: RolloutPlan, state: RolloutState) -> None:
    shown = describe(plan, state)
    sys.stdout.write(json.dumps(shown) + "\n")
    if arguments.results:
        write_results(arguments.results, shown, arguments.report_url)
