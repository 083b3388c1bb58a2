"""Read single values by their shapes.

A value that does not fit raises UnfitError, whose words say what it is instead and what is allowed.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from workflows.canary import durations
from workflows.canary.findings import did_you_mean, show
from workflows.canary.shapes import MOST, Flag, Link, Number, PortName, Shape, Span, Text, Whole

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a mapping"}
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
_MOST_PORTS = 65535


class UnfitError(Exception):
    """Carry why a value does not fit its shape, in words that follow the value, and perhaps a way out."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def read_leaf(shape: Shape, value: object) -> object:
    """Give a value in the type of its shape; raises UnfitError."""
    read = _READERS.get(type(shape))
    return read(shape, value) if read else value


def expect(kind: type, value: object) -> Any:
    """Give the value back if it is of this very type; raises UnfitError."""
    if type(value) is kind:
        return value
    hint = f"write it in quotes: {show(show(value))}" if kind is str and isinstance(value, bool | int | float) else ""
    raise UnfitError(f"is {_name_kind(value)}, not {_KINDS[kind]}", hint)


def _name_kind(value: object) -> str:
    return _KINDS.get(type(value), "of no known kind")


def _text(shape: Text, value: object) -> str:
    text: str = expect(str, value)
    if shape.choices and text not in shape.choices:
        allowed = ", ".join(choice or show(choice) for choice in shape.choices)
        hint = shape.successors.get(text.partition(":")[0]) or did_you_mean(text, shape.choices)
        raise UnfitError(f"is not known; allowed: {allowed}", hint)
    if shape.pattern and not re.fullmatch(shape.pattern, text, re.ASCII):
        raise UnfitError(f"is not {shape.rule}")
    return text


def _link(_: Link, value: object) -> str:
    text: str = expect(str, value)
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", text):
        raise UnfitError("is not an http or https address, such as http://tester.test/hooks/rollout")
    return text


def _whole(shape: Whole, value: object) -> int:
    number = _expect_number(value)
    allowed = f"a whole number from {shape.low}" + (f" to {shape.high}" if shape.high < MOST else " up")
    if not number.is_integer():
        raise UnfitError(f"is not a whole number; allowed: {allowed}")
    if not shape.low <= number <= shape.high:
        raise UnfitError(f"is out of range; allowed: {allowed}")
    return int(number)


def _number(_: Number, value: object) -> float:
    return _expect_number(value)


def _flag(_: Flag, value: object) -> bool:
    flag: bool = expect(bool, value)
    return flag


def _span(shape: Span, value: object) -> timedelta:
    text: str = expect(str, value)
    try:
        duration = durations.parse_admitted(text) if shape.admitted else durations.parse(text)
    except durations.DurationError as error:
        raise UnfitError(str(error)) from error
    if duration < timedelta() or (shape.positive and not duration):
        raise UnfitError("is not above zero; give a duration such as 30s")
    return duration


def _port(_: PortName, value: object) -> int | str:
    if isinstance(value, str):
        if not _PORT_NAME.fullmatch(value):
            raise UnfitError("is not a port; give a number without quotes, or a port's name (a-z, 0-9, -; at most 15)")
        return value
    return _whole(Whole(1, _MOST_PORTS), value)


def _expect_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "write it without quotes" if isinstance(value, str) and value.strip().isdecimal() else ""
        raise UnfitError(f"is {_name_kind(value)}, not a number", hint)
    if not math.isfinite(value):
        raise UnfitError("is not a finite number")
    return float(value)


_READERS: Mapping[type, Callable[[Any, object], object]] = {
    Text: _text,
    Link: _link,
    Whole: _whole,
    Number: _number,
    Flag: _flag,
    Span: _span,
    PortName: _port,
}
