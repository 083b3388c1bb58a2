"""Carry what a live view shows at one moment."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.rollout.phase import Phase
from workflows.rollout.state import Outcome


@dataclass(frozen=True, slots=True)
class ArmHealth:
    """Tell how one arm answers users now; None where it got no request."""

    success_percent: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ReleaseProgress:
    """Tell how far one release is; `share` is within 0 to 1, `outcome` is None until it has ended."""

    name: str
    share: float = 0.0
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold one moment of a release, with the progress of all that are planned.

    `hooks` are (name, state) in the order of the file; the users' counts are those of this release.
    """

    at: datetime
    release: str
    phase: Phase
    canary_percent: int = 0
    primary: ArmHealth = field(default_factory=ArmHealth)
    canary: ArmHealth = field(default_factory=ArmHealth)
    failed_checks: int = 0
    threshold: int = 0
    user_requests: int = 0
    user_failures: int = 0
    hooks: tuple[tuple[str, str], ...] = ()
    releases: tuple[ReleaseProgress, ...] = ()
    elapsed: timedelta = timedelta()

    @property
    def milestone(self) -> tuple[object, ...]:
        """Give what a reader of plain lines wants to hear about when it changes."""
        return (self.release, self.phase, self.canary_percent, self.failed_checks, self.hooks)
