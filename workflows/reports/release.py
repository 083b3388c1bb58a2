"""Carry how a release went, and write it as JSON (`report.json`).

The one rule to keep: keys are only ever added. What is not a number in JSON (no data, an infinite p99) is `null`.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from workflows.errors import ConfigurationError
from workflows.rollout.state import CheckResult, Outcome, Verdict


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Record one decision: what was judged at which canary weight, and why; `verdict` is None when nothing was."""

    at: datetime
    weight: int
    checks: tuple[CheckResult, ...]
    verdict: Verdict | None
    reason: str

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object."""
        return {
            "at": self.at.isoformat(),
            "weight": self.weight,
            "checks": [_check(check) for check in self.checks],
            "verdict": self.verdict.value if self.verdict else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """Record one moment for the charts; the users' counts are cumulative, a rate without requests is None."""

    at: datetime
    canary_percent: int
    primary_success_percent: float | None = None
    canary_success_percent: float | None = None
    primary_p99_ms: float | None = None
    canary_p99_ms: float | None = None
    user_requests: int = 0
    user_failures: int = 0

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object."""
        return {
            "at": self.at.isoformat(),
            "canary_percent": self.canary_percent,
            "primary_success_percent": _finite(self.primary_success_percent),
            "canary_success_percent": _finite(self.canary_success_percent),
            "primary_p99_ms": _finite(self.primary_p99_ms),
            "canary_p99_ms": _finite(self.canary_p99_ms),
            "user_requests": self.user_requests,
            "user_failures": self.user_failures,
        }


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """Tell how one release went; the limits are drawn into the charts where the plan has them."""

    name: str
    outcome: Outcome
    weights: tuple[int, ...]
    failed_checks: int
    reason: str
    duration_s: float
    user_requests: int = 0
    user_failures: int = 0
    decisions: tuple[DecisionRecord, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    minimum_success_percent: float | None = None
    maximum_p99_ms: float | None = None

    @property
    def moments(self) -> tuple[datetime, ...]:
        """List every moment on record, the first one first."""
        return tuple(sorted([*(point.at for point in self.timeline), *(made.at for made in self.decisions)]))

    @property
    def span_s(self) -> float:
        """Give the seconds that a drawing must cover; the last record may lie a little behind the end."""
        return max(self.duration_s, *(self.offset_s(at) for at in self.moments[-1:]), 1.0)

    def offset_s(self, at: datetime) -> float:
        """Give the seconds from the first moment on record to this one."""
        return (at - self.moments[0]).total_seconds()

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "weights": list(self.weights),
            "failed_checks": self.failed_checks,
            "reason": self.reason,
            "duration_s": round(self.duration_s, 3),
            "user_requests": self.user_requests,
            "user_failures": self.user_failures,
            "decisions": [decision.to_dict() for decision in self.decisions],
            "minimum_success_percent": _finite(self.minimum_success_percent),
            "maximum_p99_ms": _finite(self.maximum_p99_ms),
            "timeline": [point.to_dict() for point in self.timeline],
        }


def to_dict(releases: Sequence[ReleaseReport]) -> dict[str, object]:
    """Give the document that `report.json` holds, the releases in the order in which they were made."""
    return {"releases": [release.to_dict() for release in releases]}


def write_json(path: Path, releases: Sequence[ReleaseReport]) -> None:
    """Write `report.json` in one step; raises ConfigurationError where the path cannot be written."""
    write_text(path, json.dumps(to_dict(releases), indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Put a file in place in one step, so that a reader sees the old or the new one, never a part."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise ConfigurationError(f"report {path}: {error.strerror}; name a file that can be written") from error


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _check(check: CheckResult) -> dict[str, object]:
    return {
        "name": check.name,
        "value": _finite(check.value),
        "limit": check.limit,
        "verdict": check.verdict.value,
        "reason": check.reason,
    }


def _finite(value: float | None) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None
