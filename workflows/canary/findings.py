"""Collect what is wrong with a file: one finding for each fault, with its path, the value and the way out.

The one rule to keep: a fault is noted once, where it is met first, and reading goes on.
"""

import difflib
import enum
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""The keys and indices that lead to a value, from the root of its document."""

_SHOWN = 60
_TO_PLAIN = str.maketrans("", "", "_-")


class Level(enum.Enum):
    """Rank findings: an error keeps a plan from being built, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Say what is wrong at one place of a file; `message` reads on from the value, `line` 0 is unknown."""

    severity: Level
    path: str
    value: object
    message: str
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Write the finding as one line without its file."""
        place = f"{self.path}: " if self.path else ""
        shown = f"{show(self.value)} " if self.value is not None else ""
        return f"{place}{shown}{self.message}{'; ' if self.hint else ''}{self.hint}"


@dataclass(slots=True)
class Findings:
    """Gather the findings of one document, whose lines it knows."""

    lines: Mapping[Path, int] = field(default_factory=dict)
    noted: list[Finding] = field(default_factory=list)

    def error(self, path: Path, message: str, value: object = None, hint: str = "") -> None:
        """Note a fault."""
        self.noted.append(Finding(Level.ERROR, write_path(path), value, message, hint, self.line_of(path)))

    def warn(self, path: Path, message: str, value: object = None, hint: str = "") -> None:
        """Note something that is probably not meant."""
        self.noted.append(Finding(Level.WARNING, write_path(path), value, message, hint, self.line_of(path)))

    def line_of(self, path: Path) -> int:
        """Give the line of a value, or of the nearest one around it that stands in the file."""
        around = (path[:length] for length in range(len(path), -1, -1))
        return next((self.lines[known] for known in around if known in self.lines), 0)

    @property
    def failed(self) -> bool:
        """Tell whether there is any error."""
        return has_errors(self.noted)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any of these is an error."""
    return any(finding.severity is Level.ERROR for finding in findings)


def write_path(path: Path) -> str:
    """Write a path as people do: `spec.analysis.webhooks[0].url`; unusual keys are quoted in brackets."""
    written = ""
    for key in path:
        if isinstance(key, int):
            written += f"[{key}]"
        elif key.isascii() and key.replace("-", "_").isidentifier():
            written += f".{key}" if written else key
        else:
            written += f"[{show(key)}]"
    return written


def show(value: object) -> str:
    """Write a value as it would stand in JSON, in ASCII and cut to a readable length."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    written = json.dumps(value, default=str)
    return written if len(written) <= _SHOWN else f"{written[: _SHOWN - 3]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is nearest to one that is not known; empty when none is near."""
    plain = {name.translate(_TO_PLAIN).lower(): name for name in known}
    near = difflib.get_close_matches(word.translate(_TO_PLAIN).lower(), plain, n=1)
    return f"did you mean {show(plain[near[0]])}?" if near else ""
