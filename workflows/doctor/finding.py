"""Say what an examination found: how it is, in what words, and what mends it."""

import enum
from dataclasses import asdict, dataclass


class Result(enum.Enum):
    """Name how one thing is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """Carry what was found of one thing; `mend` says what to do about it, `said` of what is skipped says why."""

    name: str
    result: Result
    said: str
    mend: str = ""

    def write(self) -> dict[str, str]:
        """Write it for programs."""
        return {**asdict(self), "result": self.result.value}


def ok(name: str, said: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(name, Result.OK, said)


def warning(name: str, said: str, mend: str) -> Finding:
    """Say that something may do harm, or cannot be told for certain."""
    return Finding(name, Result.WARNING, said, mend)


def failed(name: str, said: str, mend: str) -> Finding:
    """Say that something keeps a release from working."""
    return Finding(name, Result.FAILED, said, mend)


def skipped(name: str, why: str) -> Finding:
    """Say why something was not looked at."""
    return Finding(name, Result.SKIPPED, why)
