"""Write what strangers named so that it cannot deceive the reader: what is not seen is shown by its number.

The templates escape HTML; this is for what HTML lets through: terminal sequences, marks that turn the direction of
writing, characters of no width, halves of surrogate pairs, and texts without an end.
"""

import re
import unicodedata
from datetime import UTC, datetime

MOST_SHOWN = 300
"""How many characters of a text are shown where there is no room for all."""

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_LINES = frozenset("\n\t")
_BLANK = frozenset({"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"})
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 4


def show(value: object, most: int = MOST_SHOWN) -> str:
    """Write a text of one line."""
    text = str(value)
    cut = text if len(text) <= most else f"{text[:most]}\u2026"
    return _reveal(cut, frozenset())


def show_lines(text: str) -> str:
    """Write a text of many lines, without the colours that it has for terminals."""
    return _reveal(_COLOURS.sub("", text.replace("\r\n", "\n")), _LINES)


def _reveal(text: str, allowed: frozenset[str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in _MARKS else 0
        hidden = (kind in _HIDDEN and char not in allowed) or char in _BLANK or marks > _MOST_MARKS
        shown.append(f"[U+{ord(char):04X}]" if hidden else char)
    return "".join(shown)


def show_moment(moment: float | None) -> str:
    """Write unix seconds as a day and a time, in UTC."""
    if not moment:
        return "not known"
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "not known"
