"""Read what the loop reports of releases; what is wrong is a PayloadError that names the field.

The rule to keep: every text and every list has a bound, and a number that is none is not taken for one.
"""

import enum
import json
from collections.abc import Callable
from typing import Any, TypeVar

from webhooks.protocol import PayloadError
from webhooks.routes.api.schemas import LARGEST
from webhooks.store.releases import (
    ArmFigures,
    CheckFigure,
    Ending,
    Opinion,
    ReleasePlan,
    Report,
    ReportKind,
)

MOST_REPORTS_AT_ONCE = 500
"""How many reports one body has at most."""

MOST_CHECKS = 100
"""How many checks one report has at most."""

LONGEST_REASON = 4000
"""How many characters a text of a report has at most."""

_LAST = 2**53
_WHOLE = 100
_LATEST = 1e11
_MOST_WEIGHTS = 101
_T = TypeVar("_T")
_E = TypeVar("_E", bound=enum.Enum)


class _Fields:
    """Take fields out of an object, each at most once, and refuse what is left."""

    def __init__(self, where: str, document: object) -> None:
        if not isinstance(document, dict):
            raise PayloadError(f"{where}: not a JSON object")
        self._where = where
        self._left: dict[str, Any] = dict(document)

    def number(self, name: str, most: float = LARGEST, least: float = 0.0) -> float | None:
        """Take a number within bounds, None where it is null or missing."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.fault(name, value, "is not a number that can stand here")
        return float(value)

    def count(self, name: str, most: int = _LAST) -> int | None:
        """Take a whole number that is not below zero, None where it is null or missing."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise self.fault(name, value, f"is not a whole number within 0 to {most}")
        return value

    def text(self, name: str) -> str:
        """Take a text, empty where it is missing."""
        value = self._left.pop(name, "")
        if not isinstance(value, str):
            raise self.fault(name, value, "is not a text")
        # Half of a surrogate pair can be in JSON, but in no answer.
        return value[:LONGEST_REASON].encode("utf-8", "replace").decode()

    def flag(self, name: str) -> bool:
        """Take a switch, off where it is missing."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise self.fault(name, value, "is not true or false")
        return value

    def word(self, name: str, words: type[_E]) -> _E | None:
        """Take one of some words, None where it is null or missing."""
        value = self._left.pop(name, None)
        try:
            return None if value is None else words(value)
        except ValueError as error:
            known = ", ".join(str(word.value) for word in words)
            raise self.fault(name, value, f"is unknown; known: {known}") from error

    def items(self, name: str, most: int, read: Callable[[str, object], _T]) -> tuple[_T, ...]:
        """Take a list, empty where it is missing."""
        value = self._left.pop(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise self.fault(name, value, f"is not a list of at most {most}")
        return tuple(read(f"{self._where}.{name}[{place}]", item) for place, item in enumerate(value))

    def part(self, name: str, read: Callable[[str, object], _T]) -> _T:
        """Take an object, an empty one where it is missing."""
        return read(f"{self._where}.{name}", self._left.pop(name, None) or {})

    def require(self, name: str, value: _T | None) -> _T:
        """Give what was taken; raises PayloadError where it was missing."""
        if value is None:
            raise PayloadError(f"{self._where}.{name}: is missing")
        return value

    def end(self) -> None:
        """Refuse what nobody took."""
        for name in self._left:
            raise PayloadError(f"{self._where}: unknown field {name[:80]!r}")

    def fault(self, name: str, value: object, what: str) -> PayloadError:
        """Give the fault of a field."""
        return PayloadError(f"{self._where}.{name}: {str(value)[:80]!r} {what}")


def _load(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError("body: not JSON") from error


def read_plan(body: bytes) -> tuple[float, ReleasePlan]:
    """Read when a release began and what it set out to do."""
    fields = _Fields("body", _load(body))
    began_at = fields.require("beganAt", fields.number("beganAt", _LATEST))
    plan = fields.part("plan", _read_plan)
    fields.end()
    return began_at, plan


def _read_plan(where: str, document: object) -> ReleasePlan:
    fields = _Fields(where, document)
    plan = ReleasePlan(
        title=fields.text("title"),
        revision=fields.text("revision"),
        previous=fields.text("previous"),
        strategy=fields.text("strategy"),
        judge=fields.text("judge"),
        weights=fields.items("weights", _MOST_WEIGHTS, _read_weight),
        threshold=fields.count("threshold"),
        interval_s=fields.number("intervalSeconds"),
        minimum_success_percent=fields.number("minimumSuccessPercent"),
        maximum_p99_ms=fields.number("maximumP99Ms"),
    )
    fields.end()
    return plan


def _read_weight(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _WHOLE:
        raise PayloadError(f"{where}: {str(value)[:80]!r} is not a whole percent")
    return value


def read_reports(body: bytes) -> tuple[tuple[Report, ...], int]:
    """Read reports, and how many before them were lost on their way."""
    fields = _Fields("body", _load(body))
    reports = fields.items("reports", MOST_REPORTS_AT_ONCE, _read_report)
    lost = fields.count("lost") or 0
    fields.end()
    return reports, lost


def _read_report(where: str, document: object) -> Report:
    fields = _Fields(where, document)
    report = Report(
        sequence=fields.require("sequence", fields.count("sequence")),
        at=fields.require("at", fields.number("at", _LATEST)),
        kind=fields.require("kind", fields.word("kind", ReportKind)),
        text=fields.text("text"),
        warning=fields.flag("warning"),
        phase=fields.text("phase"),
        weight=fields.count("weight", _WHOLE),
        failed_checks=fields.count("failedChecks"),
        verdict=fields.word("verdict", Opinion),
        checks=fields.items("checks", MOST_CHECKS, _read_check),
        primary=fields.part("primary", _read_arm),
        canary=fields.part("canary", _read_arm),
        ending=fields.word("ending", Ending),
    )
    fields.end()
    return report


def _read_check(where: str, document: object) -> CheckFigure:
    fields = _Fields(where, document)
    check = CheckFigure(
        name=fields.text("name"),
        verdict=fields.require("verdict", fields.word("verdict", Opinion)),
        value=fields.number("value", least=-LARGEST),
        limit=fields.text("limit"),
        reason=fields.text("reason"),
    )
    fields.end()
    return check


def _read_arm(where: str, document: object) -> ArmFigures:
    fields = _Fields(where, document)
    arm = ArmFigures(fields.number("successPercent", _WHOLE), fields.number("p99Ms"), fields.count("requests"))
    fields.end()
    return arm
