"""Read which traffic is left out of the counters, such as our own load: labels of the mesh's metrics, by patterns."""

import re

EXCLUDE_TRAFFIC = "penstock.dev/exclude-traffic"
"""The annotation: `label=regex`, several separated by commas; what any of them matches is not counted."""

_EXCLUSION = re.compile(r"\s*([a-zA-Z_]\w*)\s*=\s*([^\s,\"\\][^,\"\\]*?)\s*")


def parse_exclusions(text: str) -> tuple[tuple[str, str], ...]:
    """Give the labels and their patterns; raises ValueError for what is none."""
    return tuple(_parse(part) for part in text.split(",") if part.strip())


def _parse(part: str) -> tuple[str, str]:
    found = _EXCLUSION.fullmatch(part)
    if found is None:
        raise ValueError(f"{part.strip()!r} is not a label and a pattern; write for example source_workload=loadtester")
    try:
        re.compile(found[2])
    except re.error as error:
        raise ValueError(f"{part.strip()!r} has a pattern that cannot be read: {error}") from error
    return found[1], found[2]
