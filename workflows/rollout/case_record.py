"""Write a case as plain values for JSON and read it back: exact, below 10 kB, told apart by a version.

The one rule to keep: a record that `encode` did not write is refused with the field that is wrong, never half read.
"""

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import cast, get_args, get_origin, get_type_hints

from workflows.rollout.case import Case
from workflows.rollout.comparison import ERRORS, LATENCY, MAX_RESTARTS, Ledger
from workflows.rollout.guard import ALTERNATIVES

VERSION = 1
Plain = dict[str, object]


def encode(case: Case) -> Plain:
    """Turn a case into values that json.dumps takes: fields by name, sequences as lists."""
    return {"version": VERSION, "case": _encode(case)}


def _encode(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
    return [_encode(each) for each in value] if isinstance(value, tuple) else value


def decode(record: object) -> Case:
    """Read a case; raises ValueError naming the field of a record that is not one."""
    if not isinstance(record, Mapping) or record.get("version") != VERSION:
        found = record.get("version") if isinstance(record, Mapping) else record
        raise ValueError(f"judge record: version {found!r} is not {VERSION}; begin the analysis again")
    case = cast("Case", _decode(Case, record.get("case"), "case"))
    _check(case)
    return case


def _decode(kind: object, value: object, path: str) -> object:
    if isinstance(kind, type) and is_dataclass(kind):
        return _decode_fields(kind, value, path)
    if isinstance(kind, types.UnionType):
        return None if value is None else _decode(get_args(kind)[0], value, path)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"judge record: {path}: {value!r} is not a list; begin the analysis again")
        return tuple(_decode(get_args(kind)[0], each, f"{path}[{place}]") for place, each in enumerate(value))
    return _decode_number(kind, value, path)


def _decode_fields(kind: type, value: object, path: str) -> object:
    hints = get_type_hints(kind)
    if not isinstance(value, Mapping) or set(value) != set(hints):
        raise ValueError(f"judge record: {path}: {value!r} does not have the fields {', '.join(hints)}")
    parts = {name: _decode(hint, value[name], f"{path}.{name}") for name, hint in hints.items()}
    whole: object = kind(**parts)
    return whole


def _decode_number(kind: object, value: object, path: str) -> float:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind is float and isinstance(value, float) and math.isfinite(value))):
        raise ValueError(f"judge record: {path}: {value!r} is not a finite number; begin the analysis again")
    number: float = value if isinstance(value, int | float) else 0
    return number


def _check(case: Case) -> None:
    """Refuse parts whose lengths do not fit together."""
    streams = len(case.streams)
    fits = {
        "baseline.slow": len(case.baseline.slow) == len(case.baseline.bounds),
        "errors": _fits(case.errors, len(ERRORS.ratios)),
        "latency": _fits(case.latency, streams * len(LATENCY.ratios)),
        "guard.sums": len(case.guard.sums) == len(ALTERNATIVES),
        "whole.slow": len(case.whole.slow) == streams,
        "rung.slow": len(case.rung.slow) == streams,
    }
    wrong = [name for name, fit in fits.items() if not fit]
    if wrong:
        raise ValueError(f"judge record: case.{wrong[0]} does not have the length it must; begin the analysis again")


def _fits(ledger: Ledger, width: int) -> bool:
    rows = (ledger.sums, *ledger.restarts)
    return (
        len(ledger.restarts) <= MAX_RESTARTS
        and all(len(row) in {0, width} for row in rows)
        and len({len(row) for row in rows}) == 1
    )
