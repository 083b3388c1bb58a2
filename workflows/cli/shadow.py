"""Run `penstock run --shadow`: watch a release that somebody else drives, and say what we would have done."""

import argparse
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from workflows.canary import durations
from workflows.cli.arguments import build_platform
from workflows.cli.subject import Subject
from workflows.errors import ConfigurationError, ExitCode
from workflows.foresight import shadow
from workflows.foresight.shadow import Remark, Shadow
from workflows.notifiers.console import ConsoleEvents
from workflows.process import interruptible
from workflows.reports.text import printable


def watch(arguments: argparse.Namespace, subject: Subject) -> int:
    """Watch a release to its end, writing nothing but a report, and tell by the exit code what our judge makes of it.

    0 is a release that we would have let go on, 10 one that we would have rolled back, 11 none in time.
    """
    patience = _read_patience(arguments.shadow)
    if arguments.journal:
        raise ConfigurationError("--journal: a release that is only watched has no decisions to keep; use --report")
    # Without its file the local platform keeps nothing of the release.
    platform = build_platform(arguments, replace(subject, file=None), ConsoleEvents())
    with interruptible():
        found = shadow.follow(platform, subject.plan, patience, _say)
    if arguments.report:
        _write(arguments.report, found)
    sys.stdout.write(printable(f"{subject.plan.key}: {_summarise(found)}") + "\n")
    if not found.remarks:
        return ExitCode.INCONCLUSIVE
    return ExitCode.ROLLED_BACK if found.objection else ExitCode.PROMOTED


def _read_patience(text: str) -> timedelta:
    try:
        patience = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"--shadow: {text!r} {error}") from error
    if patience <= timedelta():
        raise ConfigurationError(f"--shadow: {text!r} is not positive")
    return patience


def _say(remark: Remark) -> None:
    would = "would stop it" if remark.opinion.stops else f"finds it {remark.opinion.verdict.value}"
    line = f"{remark.at:%H:%M:%S} weight {remark.route}: {would}: {remark.opinion.said}".rstrip(": ")
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


def _summarise(found: Shadow) -> str:
    if not found.remarks:
        return "no canary got traffic in time"
    if found.objection is None:
        return f"would have gone on; {len(found.remarks)} windows were judged"
    return f"would have rolled back at weight {found.objection.route}: {found.objection.opinion.said}"


def _write(path: Path, found: Shadow) -> None:
    remarks = [
        {
            "at": remark.at.isoformat(),
            "weight": remark.route.canary_percent,
            "primary": {"requests": remark.window.primary.total, "failed": remark.window.primary.errors},
            "canary": {"requests": remark.window.canary.total, "failed": remark.window.canary.errors},
            "verdict": remark.opinion.verdict.value,
            "stops": remark.opinion.stops,
            "reason": remark.opinion.said,
        }
        for remark in found.remarks
    ]
    try:
        path.write_text(json.dumps({"remarks": remarks}, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name another file with --report") from error
