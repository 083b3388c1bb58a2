"""Describe what a file may hold: the kinds of values, as data.

The tables in `workflows.canary.schema` are made of these; `inspection` compares a file with them, the tests compare
them with Flagger's resource definition, and the docs must name every field they name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """Admit a string: any, one of `choices`, or one that matches `pattern`, which `rule` says in words.

    `successors` says what to move to from words that are no more, by the part before their colon.
    """

    choices: tuple[str, ...] = ()
    pattern: str = ""
    rule: str = ""
    successors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Link:
    """Admit an absolute http or https address."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Admit a whole number within inclusive bounds."""

    low: int = 0
    high: int = MOST


@dataclass(frozen=True, slots=True)
class Number:
    """Admit any finite number."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Admit true or false."""


@dataclass(frozen=True, slots=True)
class Span:
    """Admit a Go duration; `admitted` ones only as Flagger's resource definition does, `positive` ones above zero."""

    admitted: bool = False
    positive: bool = True


@dataclass(frozen=True, slots=True)
class PortName:
    """Admit a port by number or by name."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Admit what others check."""


@dataclass(frozen=True, slots=True)
class Items:
    """Admit a list of one shape."""

    of: "Shape"
    most: int = MOST


@dataclass(frozen=True, slots=True)
class Table:
    """Admit a mapping with free keys to one shape."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Record:
    """Admit a mapping with known keys.

    Of `alternatives` at most one may be given, and one must be where `choose` is set.
    """

    fields: Mapping[str, "Shape"]
    required: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    choose: bool = False


Shape = Text | Link | Whole | Number | Flag | Span | PortName | Anything | Items | Table | Record


def walk(shape: Shape, path: str = "") -> Iterator[tuple[str, Shape]]:
    """List every field under a shape with its path: `a.b`, `a[].b` for items, `a{}` for free keys."""
    match shape:
        case Record():
            for name, of in shape.fields.items():
                below = f"{path}.{name}" if path else name
                yield below, of
                yield from walk(of, below)
        case Items():
            yield from walk(shape.of, f"{path}[]")
        case Table():
            yield from walk(shape.of, f"{path}{{}}")
        case _:
            return
