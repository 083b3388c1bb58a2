"""Keep the processes that are asked for: start what is missing, replace what is old, let go before ending.

`plan` decides, the fleet acts. The rule to keep: an old process leaves only when a new one serves in its place.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workflows.errors import UnavailableError
from workflows.local.replica import Place, Replica, Stage
from workflows.rollout.traffic import Arm
from workflows.workloads import process_folder
from workflows.workloads.process_folder import ArmSighting, Wish

_FIRST_BACKOFF_S = 0.1
_LAST_BACKOFF_S = 5.0
_PROVED_S = 10.0


@dataclass(frozen=True, slots=True)
class Changes:
    """Say what to do to an arm: how many processes to start, which to end."""

    start: int
    leave: tuple[Replica, ...]


def plan(replicas: Sequence[Replica], revision: str, wanted: int) -> Changes:
    """Decide how an arm gets to `wanted` processes of a revision without ever serving with fewer than it can."""
    staying = [replica for replica in replicas if replica.wanted]
    new = [replica for replica in staying if replica.template.revision == revision]
    old = [replica for replica in staying if replica.template.revision != revision]
    serving = sum(replica.serving for replica in new)
    spare = max(0, wanted - serving)
    old_serving = [replica for replica in old if replica.serving]
    useless = [replica for replica in old if not replica.serving]
    return Changes(
        start=max(0, wanted - len(new)),
        leave=(*new[wanted:], *useless, *old_serving[spare:]),
    )


@dataclass(slots=True)
class _Backoff:
    """Hold back a start after a process that did not last."""

    revision: str = ""
    delay_s: float = _FIRST_BACKOFF_S
    until: float = 0.0
    reason: str = ""

    def died(self, replica: Replica, now: float) -> None:
        lasted = now - replica.began > _PROVED_S
        self.delay_s = _FIRST_BACKOFF_S if lasted else min(_LAST_BACKOFF_S, self.delay_s * 2)
        self.until = now + self.delay_s
        self.reason = f"{replica.name} ended with exit code {replica.child.exit_code}; see {replica.name}.log"


@dataclass(slots=True)
class _Progress:
    """Measure how long an arm has missed its number without coming nearer to it than it had been before."""

    wish: tuple[str, int] = ("", 0)
    most_updated: int = 0
    least_old: int = 0
    since: float = 0.0

    def note(self, wish: tuple[str, int], updated: int, old: int) -> float:
        now = time.monotonic()
        ready = updated >= wish[1] and not old
        if ready or wish != self.wish or updated > self.most_updated or old < self.least_old:
            self.wish, self.most_updated, self.least_old, self.since = wish, updated, old, now
        return now - self.since


class ArmFleet:
    """Own the processes of one arm."""

    def __init__(self, arm: Arm, logs: Path, environment: Mapping[str, str]) -> None:
        self.arm = arm
        self.replicas: list[Replica] = []
        self._logs = logs
        self._environment = environment
        self._count = 0
        self._backoff = _Backoff()
        self._progress = _Progress()

    def advance(self, wish: Wish) -> None:
        """Start and end processes towards the wish."""
        now = time.monotonic()
        self._bury(now)
        revision, wanted = wish.template(self.arm).revision, wish.replicas(self.arm)
        if self._backoff.revision != revision:
            self._backoff = _Backoff(revision)
        changes = plan(self.replicas, revision, wanted)
        for replica in changes.leave:
            replica.leave()
        if now >= self._backoff.until:
            for _ in range(changes.start):
                self._start(wish)

    def members(self) -> tuple[Replica, ...]:
        """List the processes to which requests may be sent."""
        return tuple(replica for replica in self.replicas if replica.stage is Stage.READY)

    def acknowledge(self, members: Sequence[Replica]) -> None:
        """Note that Envoy now sends requests to these and to no others."""
        for replica in self.replicas:
            if replica in members:
                replica.serving = True
            else:
                replica.let_go()

    def sighting(self, wish: Wish) -> ArmSighting:
        """Tell what is seen of this arm."""
        revision, wanted = wish.template(self.arm).revision, wish.replicas(self.arm)
        seen = tuple(
            process_folder.Replica(r.child.pid, r.port, r.template.revision, r.serving, r.stage.value)
            for r in self.replicas
        )
        updated = sum(replica.serving and replica.revision == revision for replica in seen)
        old = sum(replica.serving and replica.revision != revision for replica in seen)
        unready_for_s = self._progress.note((revision, wanted), updated, old)
        ready = updated >= wanted and not old
        return ArmSighting(seen, unready_for_s, "" if ready else self._backoff.reason)

    def _start(self, wish: Wish) -> None:
        self._count += 1
        name = f"{self.arm.value}-{self._count}"
        try:
            self.replicas.append(
                Replica(wish.template(self.arm), Place(name, self._logs / f"{name}.log", self._environment))
            )
        except UnavailableError as error:
            self._backoff.delay_s = min(_LAST_BACKOFF_S, self._backoff.delay_s * 2)
            self._backoff.until = time.monotonic() + self._backoff.delay_s
            self._backoff.reason = str(error)

    def _bury(self, now: float) -> None:
        for replica in self.replicas:
            wanted = replica.wanted
            replica.advance()
            if replica.stage is Stage.ENDED and wanted and replica.template.revision == self._backoff.revision:
                self._backoff.died(replica, now)
        self.replicas = [replica for replica in self.replicas if replica.stage is not Stage.ENDED]
