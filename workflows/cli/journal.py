"""Run `penstock replay`, `verify` and `explain`: check, make again and tell what a journal keeps."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workflows.errors import ExitCode
from workflows.journal import explanation, place, reader
from workflows.journal.reader import JournalFile
from workflows.journal.replay import replay
from workflows.reports.text import printable

DIFFERENT = 1
"""The exit code for a record that is not what it should be."""

_EXIT_CODES = "exit codes: 0 as it should be, 1 not so, 78 not a journal, or one that cannot be read"
_MOST_SHOWN = 50


def replay_main(argv: Sequence[str]) -> int:
    """Make every decision again from the record alone and compare."""
    file = reader.read(replay_parser().parse_args(list(argv)).journal)
    if file.fault and not file.fault.torn:
        return _say_fault(file)
    played = replay(file)
    _say_torn(file)
    for difference in played.differences[:_MOST_SHOWN]:
        _say(printable(f"{file.path}: {difference}"))
    if played.differences:
        return _end(f"{file.path}: {len(played.differences)} differences in {played.ticks} ticks", DIFFERENT)
    said = f"{played.ticks} ticks decided again, {played.judged} of them judged metrics, no difference"
    return _end(f"{file.path}: {said}", ExitCode.PROMOTED)


def verify_main(argv: Sequence[str]) -> int:
    """Check that no line of a journal was changed, taken out or put in."""
    file = reader.read(verify_parser().parse_args(list(argv)).journal)
    _say_healed(file)
    if file.fault:
        return _say_fault(file)
    whole = f"{len(file.notes)} lines, the chain is whole"
    ended = "" if file.end else "; it has no end: the release goes on, or its last lines were cut off"
    return _end(f"{file.path}: {whole}{ended}", ExitCode.PROMOTED)


def explain_main(argv: Sequence[str]) -> int:
    """Tell the story of a release, decision by decision, and what it would have taken to end otherwise."""
    files = [reader.read(path) for path in place.find(explain_parser().parse_args(list(argv)).run)]
    for file in files:
        for sentence in explanation.explain(file):
            _say("    " * sentence.depth + printable(sentence.text))
    broken = [file for file in files if file.fault and not file.fault.torn]
    return _say_fault(broken[0]) if broken else ExitCode.PROMOTED


def explain_parser() -> argparse.ArgumentParser:
    """Describe the options of `penstock explain`."""
    parser = _make_parser("explain", explain_main.__doc__)
    parser.add_argument("run", metavar="JOURNAL|RUN", help="a journal, a folder of them, or the report beside them")
    return parser


def replay_parser() -> argparse.ArgumentParser:
    """Describe the options of `penstock replay`."""
    return _add_journal(_make_parser("replay", replay_main.__doc__))


def verify_parser() -> argparse.ArgumentParser:
    """Describe the options of `penstock verify`."""
    return _add_journal(_make_parser("verify", verify_main.__doc__))


def _add_journal(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="a file that `penstock run` or `demo` left")
    return parser


def _make_parser(name: str, about: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(f"penstock {name}", description=about, epilog=_EXIT_CODES)


def _say_healed(file: JournalFile) -> None:
    for number in file.healed:
        _say(f"{file.path}: line {number} was not finished by a run that was killed; the next run went on after it")


def _say_torn(file: JournalFile) -> None:
    if file.fault:
        _say(f"{file.path}: line {file.fault.number} {file.fault.reason}; the lines before it were taken")


def _say_fault(file: JournalFile) -> int:
    fault = file.fault
    return _end(f"{file.path}: line {fault.number} {fault.reason}" if fault else "", DIFFERENT)


def _end(line: str, code: int) -> int:
    _say(line)
    return code


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
