"""Read the fields of one mapping and collect what is wrong, each fault with its path.

Every reader gives a usable value even after a fault, so that one reading finds all faults of a file.
"""

import difflib
import enum
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from webhooks.catalog.durations import parse_duration

Choice = TypeVar("Choice", bound=enum.Enum)
_SHOWN = 60


class Fields:
    """Read one mapping at a path; `faults` is shared by all readers of a file."""

    def __init__(self, document: object, path: str, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        self._values: dict[str, object] = {}
        self._known: set[str] = set()
        if isinstance(document, Mapping):
            self._values = {str(key): value for key, value in document.items()}
        else:
            hint = "" if path else "; a catalog begins with tests:"
            self.fault("", f"{show(document)} is not a mapping{hint}")

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with a field."""
        where = ".".join(part for part in (self.path, key) if part)
        self.faults.append(f"{where}: {message}" if where else message)

    def raw(self, key: str) -> object:
        """Give a field as it is, None when it is missing."""
        self._known.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text; without a default it is required. A number counts as its text."""
        value = self.raw(key)
        if value is None:
            if default is None:
                self.fault(key, "missing; give a text")
            return default or ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fault(key, f"{show(value)} is not a text")
            return default or ""
        return str(value)

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Read a whole number within bounds."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fault(key, f"{show(value)} is not a whole number within {low} to {high}")
            return default
        return value

    def boolean(self, key: str) -> bool:
        """Read true or false; a missing one is false."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            self.fault(key, f"{show(value)} is neither true nor false")
        return value is True

    def seconds(self, key: str, default: float) -> float:
        """Read a duration above 0 in seconds."""
        value = self.raw(key)
        if value is None:
            return default
        try:
            duration = parse_duration(str(value))
        except ValueError as error:
            self.fault(key, str(error))
            return default
        if duration <= 0:
            self.fault(key, f"{show(value)} is not above 0")
            return default
        return duration

    def choice(self, key: str, default: Choice) -> Choice:
        """Read one of the values of an enum."""
        value = self.raw(key)
        if value is None:
            return default
        try:
            return type(default)(value)
        except ValueError:
            known = [str(one.value) for one in type(default)]
            self.fault(key, f"{show(value)} is unknown; known: {', '.join(known)}{suggest(str(value), known)}")
            return default

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts; one text is a list of one."""
        value = self.raw(key)
        items = [] if value is None else value if isinstance(value, list) else [value]
        if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in items):
            self.fault(key, f"{show(value)} is not a list of texts")
            return ()
        return tuple(str(item) for item in items)

    def mapping(self, key: str) -> Mapping[str, str]:
        """Read a mapping of texts."""
        value = self.raw(key)
        if value is None:
            return {}
        inner = Fields(value, f"{self.path}.{key}" if self.path else key, self.faults)
        return {name: inner.text(name) for name in inner._values}

    def section(self, key: str) -> "Fields":
        """Read a mapping with fields of its own; a missing one is empty."""
        value = self.raw(key)
        return Fields({} if value is None else value, f"{self.path}.{key}" if self.path else key, self.faults)

    def sections(self, key: str) -> tuple["Fields", ...]:
        """Read a list of mappings."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(key, f"{show(value)} is not a list")
            return ()
        path = f"{self.path}.{key}" if self.path else key
        return tuple(Fields(item, f"{path}[{index}]", self.faults) for index, item in enumerate(value))

    def each(self, read: Callable[[str, object], None]) -> None:
        """Hand every field to `read`, for a mapping whose keys are names."""
        for name, value in self._values.items():
            self._known.add(name)
            read(name, value)

    def close(self) -> None:
        """Note the fields that nobody asked for."""
        for key in self._values.keys() - self._known:
            self.fault(key, f"unknown field{suggest(key, self._known)}")


def suggest(word: str, known: Iterable[str]) -> str:
    """Write a "did you mean" for a word that is close to a known one, else nothing."""
    close = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def show(value: object) -> str:
    """Write a value into a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
