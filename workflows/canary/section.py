"""Hand out the checked fields of one mapping in their types.

`values` holds only what is sound; `written` is what the file said, so that a faulty field is not taken for a
missing one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from workflows.canary.findings import Findings, Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """Hold one mapping of the file after inspection."""

    path: Path
    findings: Findings
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    written: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, name: str, default: T) -> T:
        """Give a field of the default's type, the default where it is absent or faulty."""
        value = self.values.get(name)
        return value if isinstance(value, type(default)) else default

    def number(self, name: str) -> float | None:
        """Give a number, None where it is absent or faulty."""
        value = self.values.get(name)
        return value if isinstance(value, float) else None

    def section(self, name: str) -> "Section":
        """Give the section under a name, an empty one where there is none."""
        return self.get(name, Section((*self.path, name), self.findings))

    def sections(self, name: str) -> tuple["Section", ...]:
        """Give the list of sections under a name."""
        items: tuple[object, ...] = self.get(name, ())
        return tuple(item for item in items if isinstance(item, Section))

    def texts(self, name: str) -> Mapping[str, str]:
        """Give the mapping of strings under a name."""
        table = self.values.get(name)
        items = table.items() if isinstance(table, Mapping) else ()
        return MappingProxyType({key: item for key, item in items if isinstance(item, str)})

    def wrote(self, name: str) -> bool:
        """Tell whether the file has the field, sound or not."""
        return name in self.written

    def error(self, name: str, message: str, hint: str = "") -> None:
        """Note a fault of a field, or of the section itself where the name is empty."""
        self.findings.error(self._at(name), message, self._shown(name), hint)

    def warn(self, name: str, message: str, hint: str = "") -> None:
        """Note what is probably not meant."""
        self.findings.warn(self._at(name), message, self._shown(name), hint)

    def faulty(self, name: str) -> bool:
        """Tell whether the file has the field but inspection refused it."""
        return name in self.written and self.values.get(name) is None

    @property
    def present(self) -> bool:
        """Tell whether the file has this mapping, be it empty."""
        return bool(self.values)

    def _at(self, name: str) -> Path:
        return (*self.path, name) if name else self.path

    def _shown(self, name: str) -> object:
        value = self.written.get(name)
        return None if isinstance(value, dict | list) else value
