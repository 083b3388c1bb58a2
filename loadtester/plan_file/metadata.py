"""Read a plan's document out of a hook's metadata, whose values are all texts.

The one rule to keep: `cmd` is read for the load it means and never run.
"""

import json
from collections.abc import Mapping
from typing import Any

from loadtester.errors import PlanError
from loadtester.plan_file.command_line import parse_command

_LISTS = ("requests", "stages", "thresholds", "tags")
_MAPPINGS = ("headers", "tls", "limits")
_OURS = frozenset(
    [
        "target",
        "mode",
        "rate",
        "users",
        "duration",
        "spacing",
        "locustfile",
        "minimum_requests",
        "compare_with",
        "timeout",
        "grace",
        "connections",
        "cookies",
        "redirects",
        "compression",
    ]
)


def parse_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Give the document; fields that are no load's are left to others. Raises PlanError.

    `cmd` may hold a hey or wrk line. Lists and mappings are JSON; thresholds may also be separated by `;`.
    """
    document: dict[str, Any] = parse_command(metadata["cmd"]) if metadata.get("cmd") else {}
    for key, text in metadata.items():
        if key in _OURS:
            document[key] = text
        elif key == "thresholds" and not text.lstrip().startswith("["):
            document[key] = [part.strip() for part in text.split(";") if part.strip()]
        elif key in _LISTS or key in _MAPPINGS:
            document[key] = _parse(key, text)
    if "path" in metadata and "requests" not in document:
        document["requests"] = [{"path": metadata["path"]}]
    return document


def _parse(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise PlanError(f"{key}: {text[:60]!r} is not JSON ({error})") from error
