"""Compare values with their shapes: note every fault, keep what is sound.

A faulty value is noted once and then left out, so that whoever builds on the rest meets only sound values.
A null is an absent value, as it is for Kubernetes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from workflows.canary.findings import Findings, Path, did_you_mean, write_path
from workflows.canary.leaves import UnfitError, expect, read_leaf
from workflows.canary.section import Section
from workflows.canary.shapes import Items, Record, Shape, Table, walk


def inspect(shape: Shape, value: object, path: Path, findings: Findings) -> object:
    """Give the value in its Python type, None where it is absent or faulty; mappings of known keys become sections."""
    try:
        return None if value is None else _dispatch(shape, value, path, findings)
    except UnfitError as unfit:
        findings.error(path, unfit.reason, value, unfit.hint)
        return None


def inspect_record(shape: Record, value: object, path: Path, findings: Findings) -> Section:
    """Give a mapping of known keys as a section, an empty one where it is absent or faulty."""
    section = inspect(shape, value, path, findings)
    return section if isinstance(section, Section) else Section(path, findings)


def _dispatch(shape: Shape, value: object, path: Path, findings: Findings) -> object:
    match shape:
        case Record():
            return _record(shape, value, path, findings)
        case Items():
            return _items(shape, value, path, findings)
        case Table():
            return _table(shape, value, path, findings)
        case _:
            return read_leaf(shape, value)


def _record(shape: Record, value: object, path: Path, findings: Findings) -> Section:
    mapping = expect(dict, value)
    written = {name: item for name, item in mapping.items() if item is not None}
    for name in written:
        if name not in shape.fields:
            findings.warn((*path, name), "is not a field here and is ignored", hint=_where(name, shape, path))
    values = {name: inspect(of, written.get(name), (*path, name), findings) for name, of in shape.fields.items()}
    for name in shape.required:
        if name not in written:
            findings.error((*path, name), "is required and missing")
    _check_alternatives(shape, written, path, findings)
    return Section(path, findings, MappingProxyType(values), MappingProxyType(written))


def _where(name: str, shape: Record, path: Path) -> str:
    """Suggest a field of this record, or else the place below it where a field of that very name belongs."""
    if near := did_you_mean(name, shape.fields):
        return near
    below = next((found for found, _ in walk(shape) if found.split(".")[-1] == name), "")
    return f"did you mean {write_path(path)}.{below}?" if below and path else ""


def _check_alternatives(shape: Record, written: Mapping[str, object], path: Path, findings: Findings) -> None:
    given = [name for name in shape.alternatives if name in written]
    if len(given) > 1:
        findings.error(path, f"has {' and '.join(given)}; give only one of {', '.join(shape.alternatives)}")
    elif shape.choose and not given:
        findings.error(path, f"has none of {', '.join(shape.alternatives)}; give one")


def _items(shape: Items, value: object, path: Path, findings: Findings) -> tuple[object, ...]:
    items = expect(list, value)
    if len(items) > shape.most:
        raise UnfitError(f"has {len(items)} entries; at most {shape.most} are allowed")
    for index, item in enumerate(items):
        if item is None:
            findings.error((*path, index), "is empty; remove the entry or fill it in")
    checked = [inspect(shape.of, item, (*path, index), findings) for index, item in enumerate(items)]
    return tuple(item for item in checked if item is not None)


def _table(shape: Table, value: object, path: Path, findings: Findings) -> Mapping[str, object]:
    mapping = expect(dict, value)
    checked = {name: inspect(shape.of, item, (*path, name), findings) for name, item in mapping.items()}
    return MappingProxyType({name: item for name, item in checked.items() if item is not None})
