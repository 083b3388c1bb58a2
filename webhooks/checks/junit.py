"""Read a JUnit file: how many tests there were, and which failed with what to say."""

import json
import math
import os
import stat
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from pathlib import Path

from webhooks.checks.job import Outcome, join_reasons

JUNIT = "junit.xml"
"""The file that a test leaves in its folder."""

_LIMIT_BYTES = 16 * 1024 * 1024
_FAILED = ("failure", "error")
_SKIPPED = "skipped"
_CASES_KEPT = 500
_MESSAGE_KEPT = 500


@dataclass(frozen=True, slots=True)
class Case:
    """Carry one test of a suite: its outcome is passed, failed or skipped."""

    name: str
    outcome: str = Outcome.PASSED.value
    message: str = ""
    suite: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Count the tests of a suite and keep what the failed ones say."""

    cases: tuple[Case, ...]

    @property
    def tests(self) -> int:
        """Count the tests."""
        return len(self.cases)

    @property
    def skipped(self) -> int:
        """Count the tests that were skipped."""
        return sum(case.outcome == _SKIPPED for case in self.cases)

    @property
    def failures(self) -> tuple[Case, ...]:
        """Give the tests that failed."""
        return tuple(case for case in self.cases if case.outcome == Outcome.FAILED.value)

    @property
    def first_failures(self) -> str:
        """Give the first failures in one line."""
        return join_reasons([f"{case.name}: {case.message}" if case.message else case.name for case in self.failures])

    def write_report(self) -> str:
        """Write the tests by name as JSON; of very many, the failures first."""
        shown = sorted(self.cases, key=lambda case: case.outcome != Outcome.FAILED.value)[:_CASES_KEPT]
        cases = [{**asdict(case), "message": case.message[:_MESSAGE_KEPT]} for case in shown]
        counts = {"tests": self.tests, "failed": len(self.failures), "skipped": self.skipped}
        return json.dumps({**counts, "cases": cases})


def count(path: Path) -> Tally:
    """Read a file; raises OSError, ValueError or ParseError when there is none that can be read."""
    root = ET.fromstring(_read(path))  # noqa: S314 - our own child's file, of bounded size
    return Tally(tuple(_read_case(case) for case in root.iter("testcase")))


def _read(path: Path) -> bytes:
    # What a test left may lead elsewhere, or be a pipe that never ends.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, opened with care
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path.name} is not a file")
        content = file.read(_LIMIT_BYTES + 1)
    if len(content) > _LIMIT_BYTES:
        raise ValueError(f"{path.name} has more than {_LIMIT_BYTES} bytes")
    return content


def _read_case(case: ET.Element) -> Case:
    fault = next((found for tag in _FAILED if (found := case.find(tag)) is not None), None)
    skipped = case.find(_SKIPPED)
    outcome = Outcome.FAILED.value if fault is not None else _SKIPPED if skipped is not None else Outcome.PASSED.value
    told = fault if fault is not None else skipped
    message = "" if told is None else " ".join(told.get("message", "").split())
    return Case(str(case.get("name")), outcome, message, case.get("classname", ""), _read_seconds(case))


def _read_seconds(case: ET.Element) -> float:
    try:
        seconds = float(case.get("time", "0"))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
