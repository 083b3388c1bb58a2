"""Run the two versions on paper: for tests and dry runs.

An arm that is scaled up is ready at once, unless it was told to stall.
"""

from dataclasses import dataclass
from datetime import datetime

from workflows.errors import TemporaryError
from workflows.ports import Clock
from workflows.rollout.traffic import Arm, Readiness


@dataclass(frozen=True, slots=True)
class _Stall:
    since: datetime
    reason: str


class MemoryWorkload:
    """Remember what the target asks for, what the primary runs, and who is scaled up."""

    def __init__(self, clock: Clock, revision: str = "v1", *, replicas: int = 1) -> None:
        self._clock = clock
        self._target = revision
        self._replicas = replicas
        self._up = {Arm.PRIMARY: False, Arm.CANARY: True}
        self._stalled: dict[Arm, _Stall] = {}
        self.primary_revision: str | None = None

    def deploy(self, revision: str) -> None:
        """Ask for another revision, as whoever releases does."""
        self._target = revision

    def stall(self, arm: Arm, reason: str = "0 of 1 replicas are ready") -> None:
        """Make an arm miss its threshold from now on, with no endpoint left."""
        self._stalled[arm] = _Stall(self._clock.now(), reason)

    def recover(self, arm: Arm) -> None:
        """Let an arm be ready again."""
        self._stalled.pop(arm, None)

    def initialise(self) -> None:
        """Make the primary from the target if there is none, and scale the target to zero once it is ready."""
        if self.primary_revision is None:
            self.primary_revision = self._target
            self._up[Arm.PRIMARY] = True
        if self.readiness(Arm.PRIMARY).ready:
            self._up[Arm.CANARY] = False

    def revision(self) -> str:
        """Identify what the target asks for now."""
        return self._target

    def readiness(self, arm: Arm) -> Readiness:
        """Tell whether an arm can serve."""
        if not self._up[arm]:
            return Readiness(ready=False, endpoints=0, reason="scaled to zero")
        if arm in self._stalled:
            stall = self._stalled[arm]
            return Readiness(ready=False, endpoints=0, reason=stall.reason, unready_for=self._clock.now() - stall.since)
        return Readiness(ready=True, endpoints=self._replicas)

    def scale(self, arm: Arm, *, up: bool) -> None:
        """Give an arm its replicas, or none."""
        self._up[arm] = up

    def promote(self, revision: str) -> None:
        """Copy the target's template to the primary; refuse when the target is no longer at that revision."""
        if revision != self._target:
            raise TemporaryError(f"target: at revision {self._target}, not {revision}; a newer release has begun")
        self.primary_revision = revision
        self._up[Arm.PRIMARY] = True
