"""Read YAML as Kubernetes' own tools do, within bounds, and keep the line of every value.

PyYAML resolves plain words by YAML 1.1; the Go library behind kubectl does not read dates, `1:30` or `1_000.5` as
anything but text, and reads `1e3` as a number. The one rule to keep: no input costs more than its bounds.
"""

import re
from typing import Any

import yaml

MAX_CHARACTERS = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 60

_TAG = "tag:yaml.org,2002:"
NULL, BOOL, WHOLE, FLOAT, TEXT, MERGE = (f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "merge"))
_KEPT = {NULL, BOOL, MERGE}
_WHOLE = re.compile(r"[-+]?(?:0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_TRUE = {"yes", "true", "on"}
_MOST_DIGITS = 20


class BoundError(yaml.YAMLError):
    """Say which bound a document exceeds."""


class Loader(yaml.SafeLoader):
    """Compose YAML nodes, never more or deeper than the bounds."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._count = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node and count it."""
        self._count += 1
        self._depth += 1
        check_bounds(self._count, self._depth)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def check_bounds(nodes: int, depth: int) -> None:
    """Refuse a document that has grown too large, written out or through its aliases."""
    if nodes > MAX_NODES:
        raise BoundError(f"has more than {MAX_NODES} values, aliases written out; split the file")
    if depth > MAX_DEPTH:
        raise BoundError(f"nests deeper than {MAX_DEPTH} levels")


def read_scalar(node: yaml.ScalarNode) -> Any:
    """Give the value of a scalar; raises ValueError for a tag that plain data does not have."""
    text: str = node.value
    match node.tag:
        case _ if node.tag == TEXT:
            return text
        case _ if node.tag == NULL:
            return None
        case _ if node.tag == BOOL:
            return text.lower() in _TRUE
        case _ if node.tag in {WHOLE, FLOAT}:
            if not _WHOLE.match(text) and not _FLOAT.match(text):
                raise ValueError(f"has the tag {node.tag} but is no number")
            return _read_number(text)
        case _:
            raise ValueError(f"has the tag {node.tag}; plain data has none")


def _read_number(text: str) -> int | float:
    if len(text) > _MOST_DIGITS or not _WHOLE.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.removeprefix("+"))
    octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return sign * int(f"0o{digits[1:]}" if octal else digits, 0)


def _resolve_as_kubernetes_does() -> None:
    kept = {
        first: [rule for rule in rules if rule[0] in _KEPT]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.yaml_implicit_resolvers = kept
    Loader.add_implicit_resolver(WHOLE, _WHOLE, list("-+0123456789"))
    Loader.add_implicit_resolver(FLOAT, _FLOAT, list("-+.0123456789"))


_resolve_as_kubernetes_does()
