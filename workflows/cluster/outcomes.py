"""Read in a Canary's status how a release under Flagger's controller ended, and for which pod template.

Pure. Flagger's one condition, Promoted, keeps the time at which it became true or false; the API server keeps the time
at which somebody last wrote the target's pod template. An end that is older than the template is another revision's.
"""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workflows.cluster.kinds import Manifest


class Result(enum.Enum):
    """Name how a release ended."""

    PROMOTED = "promoted"
    FAILED = "failed"


_ENDS: Mapping[tuple[str, str], Result] = {
    ("Initialized", "True"): Result.PROMOTED,
    ("Succeeded", "True"): Result.PROMOTED,
    ("Failed", "False"): Result.FAILED,
}


def find_change(target: Manifest) -> datetime | None:
    """Tell when a workload's pod template was last written, None when the API server does not say."""
    entries = (target.get("metadata") or {}).get("managedFields") or []
    times = [entry["time"] for entry in entries if "time" in entry and _has_template(entry)]
    return max(map(_parse, times), default=None)


def judge(canary: Manifest, changed: datetime) -> Result | None:
    """Tell how the release of a template that was written at a time ended; None while it has not."""
    status: Mapping[str, Any] = canary.get("status") or {}
    condition = _promoted(status)
    since = condition.get("lastTransitionTime")
    if not since or _parse(since) < changed.replace(microsecond=0):
        return None
    return _ENDS.get((status.get("phase", ""), condition.get("status", "")))


def explain(canary: Manifest) -> str:
    """Give the condition's own words."""
    return str(_promoted(canary.get("status") or {}).get("message", ""))


def summarise(canary: Manifest) -> str:
    """Say in one line where the release stands."""
    status: Mapping[str, Any] = canary.get("status") or {}
    phase, weight = status.get("phase") or "no phase yet", status.get("canaryWeight", 0)
    return f"{phase}, canary weight {weight}, failed checks {status.get('failedChecks', 0)}"


def _promoted(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or [] if each.get("type") == "Promoted"), {})


def _has_template(entry: Mapping[str, Any]) -> bool:
    spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
    return "f:template" in spec


def _parse(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)
