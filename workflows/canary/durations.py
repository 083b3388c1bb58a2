"""Read durations as Go does, and know which of them Flagger's resource definition lets through.

The one rule to keep: a duration that Flagger would refuse, or read otherwise than it looks, is refused here.
"""

import re
from datetime import timedelta
from fractions import Fraction

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_ADMITTED = re.compile(r"[0-9]+(m|s)")
_MOST_NANOSECONDS = 2**63 - 1
_NANOSECONDS_PER_MICROSECOND = 1000


class DurationError(ValueError):
    """Say why a text is not a duration; the words follow the text."""


def parse(text: str) -> timedelta:
    """Read a duration such as `1m30s`, `10ms` or `1.5h` (Go: time.ParseDuration); raises DurationError."""
    sign, unsigned = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if unsigned == "0":
        return timedelta()
    parts, end = [], 0
    while match := _PART.match(unsigned, end):
        parts.append(Fraction(match[1].rstrip(".")) * _UNITS[match[2]])
        end = match.end()
    if not parts or end != len(unsigned):
        raise DurationError("is not a duration; write numbers with units, such as 90s, 1m30s or 500ms")
    nanoseconds = int(sum(parts))
    if nanoseconds > _MOST_NANOSECONDS:
        raise DurationError("is more than the 292 years that a Go duration can hold")
    return timedelta(microseconds=sign * (nanoseconds // _NANOSECONDS_PER_MICROSECOND))


def parse_admitted(text: str) -> timedelta:
    """Read a duration of which Flagger's resource definition checks the beginning; raises DurationError."""
    duration = parse(text)
    if not _ADMITTED.match(text):
        raise DurationError(
            "is refused by Flagger's resource definition (^[0-9]+(m|s)); begin with whole minutes, seconds or "
            "milliseconds, such as 60m, 90s or 1m30s"
        )
    return duration
