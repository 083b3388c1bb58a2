"""Read durations as Go writes them: `500ms`, `25s`, `1m30s`, `1h`; a bare number is seconds."""

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 32


def parse_duration(text: str) -> float:
    """Give a duration in seconds; raises ValueError that says how one is written."""
    short = text.strip() if len(text) <= _LONGEST and text.isascii() else ""
    if _NUMBER.fullmatch(short):
        return float(short)
    if not _WHOLE.fullmatch(short):
        raise ValueError(f"{text[:_LONGEST]!r} is not a duration; write 500ms, 25s, 1m30s or 1h")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(short))


def show_duration(seconds: float) -> str:
    """Write a duration for people."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f}".removesuffix(".0") + " s"
