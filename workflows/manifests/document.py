"""Hold what is written as one file of YAML, or of JSON where its name says so."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_TAKEN_FOR_ANOTHER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|[yYnN]")
"""Words that kubectl's reader, and readers of YAML 1.2, take for numbers or booleans, and PyYAML for text."""


@dataclass(frozen=True, slots=True)
class Document:
    """Name a file and the objects in it; `note` stands above them as a comment."""

    name: str
    objects: Sequence[Mapping[str, Any]]
    note: str = ""

    def __str__(self) -> str:
        """Write the file's text, the keys in the order they were given; a JSON file has one object and no note."""
        if self.name.endswith(".json"):
            return json.dumps(self.objects[0], indent=2) + "\n"
        return "".join(f"# {line}\n" for line in self.note.splitlines()) + self._dump(start=True)

    @property
    def body(self) -> str:
        """Write the objects alone, to stand inside another document."""
        return self._dump(start=False)

    def _dump(self, *, start: bool) -> str:
        text = yaml.dump_all(
            self.objects, Dumper=_Dumper, sort_keys=False, explicit_start=start, width=120, allow_unicode=True
        )
        return str(text)


class _Dumper(yaml.SafeDumper):
    """Write lists indented below their key and texts of several lines as blocks, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's own signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own signature
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _TAKEN_FOR_ANOTHER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else style)


_Dumper.add_representer(str, _represent_text)
