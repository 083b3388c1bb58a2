"""Read typed values out of a document of mappings and lists, and collect every fault with its path.

The one rule to keep: a fault never stops the reading, so that a person sees all of them at once.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from loadtester.errors import PlanError

_T = TypeVar("_T")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?\Z")
_SHOWN = 60


def parse_duration(text: str) -> float:
    """Read `30s`, `1m30s`, `500ms` or a number of seconds; raises ValueError for anything else."""
    match = _DURATION.match(text)
    if match and any(match.groups()):
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(text)
    return seconds


class Section:
    """Read one mapping of a document."""

    def __init__(self, value: object, path: str, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        self._asked: set[str] = set()
        self._values: Mapping[str, Any] = {}
        if isinstance(value, Mapping):
            self._values = {str(key): item for key, item in value.items()}
        elif value is not None:
            self.fault("", f"{_show(value)} is not a mapping of fields")

    def __contains__(self, key: str) -> bool:
        """Tell whether a field is there."""
        return self._values.get(key) is not None

    def fault(self, key: str, text: str) -> None:
        """Note what is wrong with one field."""
        self.faults.append(f"{self.at(key)}: {text}" if self.at(key) else text)

    def at(self, key: str) -> str:
        """Give a field's path in the document."""
        return ".".join(part for part in (self.path, key) if part)

    def text(self, key: str, default: str = "") -> str:
        """Read a text; a number stands for its digits."""
        return self._read(key, default, _as_text, "a text")

    def number(self, key: str, default: float) -> float:
        """Read a number."""
        return self._read(key, default, _as_number, "a number")

    def whole(self, key: str, default: int) -> int:
        """Read a whole number."""
        return self._read(key, default, _as_whole, "a whole number")

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        return self._read(key, default, _as_flag, "true or false")

    def duration(self, key: str, default: float) -> float:
        """Read seconds, as a number or like 30s."""
        return self._read(key, default, _as_duration, "a duration; say 30s, 1m30s or 500ms")

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Read a list of texts; one alone stands for a list of one."""
        return self._read(key, default, _as_texts, "a list of texts")

    def pairs(self, key: str) -> dict[str, str]:
        """Read a mapping of texts."""
        return self._read(key, {}, _as_pairs, "a mapping of texts")

    def member(self, key: str, default: _T, known: Mapping[str, _T]) -> _T:
        """Read one of a closed set of words."""
        word = self.text(key)
        if not word:
            return default
        if word not in known:
            self.fault(key, f"{word!r} is not known; known: {', '.join(known)}")
        return known.get(word, default)

    def section(self, key: str) -> "Section":
        """Open the mapping under a field, empty when it is not there."""
        self._asked.add(key)
        return Section(self._values.get(key), self.at(key), self.faults)

    def raw(self, key: str) -> Any:
        """Give a field as it stands."""
        self._asked.add(key)
        return self._values.get(key)

    def items(self, key: str) -> Iterator["Section"]:
        """Open each mapping of a list."""
        value = self.raw(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.fault(key, f"{_show(value)} is not a list")
            return
        for index, item in enumerate(value):
            yield Section(item if item is not None else {}, self.at(f"{key}[{index}]"), self.faults)

    def build(self, make: Callable[[], _T], default: _T) -> _T:
        """Build a value; what it refuses becomes a fault under this path."""
        try:
            return make()
        except PlanError as error:
            for fault in error.faults:
                self.fault(fault.partition(":")[0], fault.partition(":")[2].strip())
            return default

    def close(self) -> None:
        """Note every field that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self._asked))}"
                self.fault(key, f"unknown field; {hint}")

    def _read(self, key: str, default: _T, convert: Callable[[Any], _T], wanted: str) -> _T:
        value = self.raw(key)
        if value is None:
            return default
        try:
            return convert(value)
        except (TypeError, ValueError):
            self.fault(key, f"{_show(value)} is not {wanted}")
            return default


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _as_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    return str(value)


def _as_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    number = float(value)
    if not abs(number) < float("inf"):
        raise TypeError(value)
    return number


def _as_whole(value: object) -> int:
    number = _as_number(value)
    if number != int(number):
        raise TypeError(value)
    return int(number)


def _as_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    word = str(value).lower()
    if word not in words:
        raise TypeError(value)
    return words[word]


def _as_duration(value: object) -> float:
    return parse_duration(_as_text(value).strip())


def _as_texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_as_text(item) for item in value)
    return (_as_text(value),)


def _as_pairs(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return {str(key): _as_text(item) for key, item in value.items()}
