"""Read a JUnit file: how many tests there were, and which failed with what to say."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from webhooks.checks.job import join_reasons

JUNIT = "junit.xml"
"""The file that a test leaves in its folder."""

_LIMIT_BYTES = 16 * 1024 * 1024
_FAILED = ("failure", "error")


@dataclass(frozen=True, slots=True)
class Tally:
    """Count the tests of a file and keep what the failed ones say."""

    tests: int
    skipped: int
    failures: tuple[str, ...]

    @property
    def first_failures(self) -> str:
        """Give the first failures in one line."""
        return join_reasons(self.failures)


def count(path: Path) -> Tally:
    """Read a file; raises OSError, ValueError or ParseError when there is none that can be read."""
    if path.stat().st_size > _LIMIT_BYTES:
        raise ValueError(f"{path.name} has more than {_LIMIT_BYTES} bytes")
    cases = list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 - our own child's file, of bounded size
    failures = tuple(text for case in cases for text in _failures(case))
    return Tally(len(cases), sum(case.find("skipped") is not None for case in cases), failures)


def _failures(case: ET.Element) -> list[str]:
    found = next((case.find(tag) for tag in _FAILED if case.find(tag) is not None), None)
    if found is None:
        return []
    message = " ".join(found.get("message", "").split())
    return [f"{case.get('name')}: {message}" if message else str(case.get("name"))]
