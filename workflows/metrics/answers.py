"""Read numbers out of answers, and say why there is none.

The rule to keep: every way of getting no number is a gap of its own with the server's words; none of them is a zero,
and several series are never quietly made one.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from workflows.errors import PenstockError
from workflows.rollout.samples import Gap

MOST_DETAIL = 300
"""How many characters of a server's words are kept."""


class NoAnswerError(PenstockError):
    """Say why a query has no number: the gap that stands in its place, and a detail for people."""

    def __init__(self, gap: Gap, detail: str) -> None:
        super().__init__(detail)
        self.gap = gap
        self.detail = " ".join(detail.split())[:MOST_DETAIL]


def read_number(value: object) -> float:
    """Give a number, also one that is written as text; raises NoAnswerError for anything else and for NaN."""
    try:
        number = float(str(value))
    except ValueError as error:
        raise NoAnswerError(Gap.NOT_A_NUMBER, f"{value!r:.120} is not a number") from error
    if math.isnan(number):
        raise NoAnswerError(Gap.NOT_A_NUMBER, "NaN: most likely 0/0, no requests in the interval")
    return number


def read_only(found: Sequence[Any], what: str = "series") -> Any:
    """Give the only one of what was found; raises NoAnswerError for none and for several."""
    if not found:
        raise NoAnswerError(Gap.NO_DATA, f"the query yields no {what}")
    if len(found) > 1:
        shown = "; ".join(shorten(each) for each in found[:2])
        raise NoAnswerError(Gap.SEVERAL_SERIES, f"{len(found)} {what}, sum or select one: {shown}")
    return found[0]


def read_last(values: Iterable[object]) -> float:
    """Give the last value that is there; raises NoAnswerError when all are missing."""
    there = [value for value in values if value is not None]
    if not there:
        raise NoAnswerError(Gap.NO_DATA, "the query yields no value in the interval")
    return read_number(there[-1])


def read_object(body: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object; raises NoAnswerError for any other answer."""
    found = read_json(body, where)
    if not isinstance(found, dict):
        raise NoAnswerError(Gap.REFUSED, f"{where} answered {shorten(found)}, which is no JSON object")
    return found


def read_json(body: bytes, where: str) -> Any:
    """Read any JSON; raises NoAnswerError for what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError(Gap.REFUSED, f"{where} answered no JSON: {show(body)}") from error


def find(document: Any, *keys: str) -> list[Any]:
    """Give the list that stands under a chain of keys, an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, list) else []


def shorten(value: object) -> str:
    """Show a value of an answer in few characters."""
    return json.dumps(value, default=str)[:120]


def show(body: bytes) -> str:
    """Show the beginning of an answer."""
    return body[:MOST_DETAIL].decode(errors="replace")
