"""Turn the text of a file into documents: plain values, each with its path and line.

Whatever the text is, there is a list of documents and a list of findings, never an exception. A `List`, as kubectl
prints it, is as many documents as it has items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from workflows.canary import loader
from workflows.canary.findings import Findings, Path


@dataclass(frozen=True, slots=True)
class Document:
    """Carry one document of a file: its value, and where in the file it stands."""

    value: object
    findings: Findings
    path: Path = ()

    def get(self, *keys: str) -> object:
        """Give the value under a chain of keys, None where there is none."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def text(self, *keys: str) -> str:
        """Give the text under a chain of keys, empty where there is none."""
        value = self.get(*keys)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class _Constructor:
    """Build plain values from nodes, noting lines and faults on the way."""

    findings: Findings
    lines: dict[Path, int]
    count: int = 0

    def build(self, node: yaml.Node, path: Path) -> object:
        self.count += 1
        loader.check_bounds(self.count, len(path))
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _scalar(self, node: Any, path: Path) -> object:
        try:
            value = loader.read_scalar(node)
            str(node.value).encode()
        except ValueError as error:
            reason = "holds half of a surrogate pair" if isinstance(error, UnicodeError) else str(error)
            self.findings.error(path, reason, node.value)
            return None
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        mapping: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in node.value:
            if key_node.tag == loader.MERGE:
                merged |= self._merged(value_node, path)
                continue
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                self.findings.error(path, f"has a key that is no plain word on line {key_node.start_mark.line + 1}")
            elif key in mapping:
                second = key_node.start_mark.line + 1
                self.findings.error((*path, key), f"stands twice in one mapping, again on line {second}; keep one")
            else:
                self.lines[*path, key] = key_node.start_mark.line + 1
                mapping[key] = self.build(value_node, (*path, key))
        return merged | mapping

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, object]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in reversed(sources):
            value = self.build(source, path)
            if isinstance(value, dict):
                merged |= value
            else:
                self.findings.error(path, "merges (<<) what is not a mapping")
        return merged


def read_documents(text: str) -> tuple[list[Document], Findings]:
    """Read every document that is not empty; the findings are those that keep the file from being read to its end."""
    trouble = Findings()
    documents: list[Document] = []
    if len(text) > loader.MAX_CHARACTERS:
        trouble.error((), f"is longer than {loader.MAX_CHARACTERS} characters; this is not a file of resources")
        return documents, trouble
    try:
        for node in yaml.compose_all(text, loader.Loader):
            lines: dict[Path, int] = {(): node.start_mark.line + 1}
            findings = Findings(lines)
            value = _Constructor(findings, lines).build(node, ())
            documents += _split(Document(value, findings)) if value is not None or findings.failed else []
    except yaml.YAMLError as error:
        _note(error, trouble, text)
    except (ValueError, OverflowError) as error:  # PyYAML lets chr() complain about "\U99999999"
        trouble.error((), f"is not YAML: {error}")
    return documents, trouble


def _split(document: Document) -> Iterator[Document]:
    items = document.get("items")
    if document.text("kind") != "List" or not isinstance(items, list):
        yield document
        return
    findings = document.findings
    for index, item in enumerate(items):
        yield Document(item, findings if index == 0 else Findings(findings.lines), ("items", index))


def _note(error: yaml.YAMLError, trouble: Findings, text: str) -> None:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        trouble.error((), f"cannot be read: {' '.join(str(error).split())}")
        return
    trouble.lines = {(): mark.line + 1}
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    problem = " ".join(filter(None, (error.context, error.problem)))  # type: ignore[attr-defined]  # marked errors have both
    trouble.error((), f"is not YAML: {problem} (column {mark.column + 1})", hint=_hint(line))


def _hint(line: str) -> str:
    if "\t" in line:
        return "the line has a tab; YAML indents with spaces"
    if "{{" in line:
        return "the line looks like a template; render it first"
    return ""
