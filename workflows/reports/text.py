"""Make foreign text safe to show: names, reasons and answers come from files and from other services."""

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """Fold white space and replace what could steer a terminal or turn the direction of a line."""
    folded = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in _UNSAFE else sign for sign in folded)


def number(value: float | None, unit: str = "", digits: int = 1) -> str:
    """Write a number with its unit; no data is a dash, never a zero."""
    if value is None:
        return "\N{EN DASH}"
    if value == float("inf"):
        return "\N{INFINITY}" + unit
    short = f"{value:,.{digits}f}"
    return (short.rstrip("0").rstrip(".") if "." in short else short) + unit
