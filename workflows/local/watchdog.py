"""End what a dead owner left under way: the traffic goes home, the release is declared failed.

The supervisor looks for leases that ran out; a process of its own acts, since the end of a release calls webhooks and
may take long. The rule to keep: it acts under a lease of its own, whose fence shuts the old owner out.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from workflows import canary, stages, wiring
from workflows.clocks import SystemClock
from workflows.custody import keeping, let_go
from workflows.errors import ConfigurationError, PenstockError, UnavailableError
from workflows.local.child import Child, Order
from workflows.ports import Clock
from workflows.release import Release
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Arm, home, route_home
from workflows.routers.envoy import EnvoyRouter
from workflows.states import files
from workflows.states.files import FileStateStore, Keeping
from workflows.workloads.processes import ProcessWorkload

LOOK_EVERY_S = 1.0
"""How often leases are looked at."""

_RETRY_AFTER_S = 5.0
_LEASE = timedelta(seconds=60)

log = logging.getLogger("penstock.watchdog")


def overdue(kept: Keeping, now: datetime) -> bool:
    """Tell whether a release is under way and its owner has let the lease run out; one that was given up waits."""
    under_way = kept.state is not None and kept.state.under_way
    return under_way and bool(kept.lease.owner) and kept.lease.expires <= now


def rescue(directory: Path, key: str, clock: Clock) -> RolloutState | None:
    """End one release safely, unless its owner came back; raises TemporaryError when that must be tried again."""
    store = FileStateStore(directory, key, clock)
    kept = store.look()
    if not overdue(kept, clock.now()):
        return kept.state
    reason = f"its owner {kept.lease.owner} is gone, the lease ran out at {kept.lease.expires:%H:%M:%S}"
    try:
        plan = canary.load(files.canary_file(directory, key))
        platform = wiring.build("local", plan, wiring.Wishes(directory=directory))
    except ConfigurationError as error:
        log.warning("%s: %s; its traffic is sent home without its hooks", key, error)
        return _send_home(directory, store, reason, clock)
    return _finish(Release(platform, plan, _owner(), _LEASE), reason)


def _finish(release: Release, reason: str) -> RolloutState:
    with keeping(release):
        state = stages.finish(release, Cause.ABORTED, reason)
    let_go(release)
    return state


def _send_home(directory: Path, store: FileStateStore, reason: str, clock: Clock) -> RolloutState:
    """End a release whose plan cannot be had: without hooks, but with its traffic at home."""
    lease = store.acquire(_owner(), _LEASE)
    state, workload = store.load() or RolloutState(), ProcessWorkload(directory, clock)
    arm = home(state.phase, *(workload.readiness(arm) for arm in Arm))
    if arm is None:
        raise UnavailableError(f"{directory}: neither arm can serve; the traffic stays where it is")
    EnvoyRouter(directory).shift(route_home(arm))
    if arm is Arm.PRIMARY:
        workload.scale(Arm.CANARY, up=False)
    ended = replace(
        state, phase=Phase.FAILED, weight=0, route=route_home(arm), cause=Cause.ABORTED, reason=reason, counts=None
    )
    store.save(ended, lease)
    store.release(lease)
    return ended


def _owner() -> str:
    return f"watchdog/{os.getpid()}"


@dataclass(slots=True)
class _Attempt:
    child: Child
    not_before: float


class Watchdog:
    """Look at all releases of a platform and have the orphaned ones ended, one process for each."""

    def __init__(self, directory: Path, environment: Mapping[str, str], clock: Clock) -> None:
        self._directory = directory
        self._environment = environment
        self._clock = clock
        self._attempts: dict[str, _Attempt] = {}
        self._next_look = 0.0

    @property
    def children(self) -> tuple[Child, ...]:
        """List the processes that act at the moment."""
        return tuple(attempt.child for attempt in self._attempts.values() if attempt.child.exit_code is None)

    def look(self) -> None:
        """Start a rescue for every orphaned release that has none, if it is time to look."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        for key in files.keys(self._directory):
            attempt = self._attempts.get(key)
            free = attempt is None or (attempt.child.exit_code is not None and now > attempt.not_before)
            if free and self._is_overdue(key):
                log.warning("%s: its owner is gone; ending the release", key)
                self._attempts[key] = _Attempt(Child(self._order(key)), now + _RETRY_AFTER_S)

    def _is_overdue(self, key: str) -> bool:
        try:
            return overdue(FileStateStore(self._directory, key, self._clock).look(), self._clock.now())
        except PenstockError as error:
            log.warning("%s", error)
            return False

    def _order(self, key: str) -> Order:
        command = (sys.executable, "-m", "workflows.local.watchdog", str(self._directory), key)
        return Order(command, self._environment, Path.cwd(), self._directory / "logs" / "watchdog.log")


def main(argv: Sequence[str]) -> int:
    """Rescue the release that the arguments name: the platform's folder and the key."""
    directory, key = argv
    try:
        state = rescue(Path(directory), key, SystemClock())
    except PenstockError as error:
        sys.stderr.write(f"{key}: not ended yet: {error}\n")
        return 1
    sys.stderr.write(f"{key}: {state.phase.value if state else 'nothing to end'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
