"""Keep states in this process: for tests and for a run that nobody needs to resume."""

import threading
from datetime import timedelta

from workflows.ports import Clock, Lease
from workflows.rollout.order import Order
from workflows.rollout.state import RolloutState
from workflows.states import tenure


class MemoryStateStore:
    """Keep one release's state and owner for as long as the process lives."""

    def __init__(self, key: str, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._state: RolloutState | None = None
        self._lease = tenure.NOBODY
        self._order: Order | None = None
        self._lock = threading.Lock()

    def load(self) -> RolloutState | None:
        """Give the state, None before the first."""
        with self._lock:
            return self._state

    def save(self, state: RolloutState, lease: Lease) -> None:
        """Keep the state; raises FencedError when another owner holds the release."""
        with self._lock:
            tenure.check(self._lease, lease, self._key)
            self._state = state

    def acquire(self, owner: str, duration: timedelta, *, by_force: bool = False) -> Lease:
        """Become the owner or stay it; raises FencedError while another's lease runs."""
        with self._lock:
            claim = tenure.Claim(owner, self._clock.now(), duration, by_force=by_force)
            self._lease = tenure.grant(self._lease, claim, self._key)
            return self._lease

    def release(self, lease: Lease) -> None:
        """Give the release up; does nothing when another owner holds it."""
        with self._lock:
            self._lease = tenure.give_up(self._lease, lease)

    def order(self, order: Order) -> None:
        """Keep what somebody orders, in place of the last order."""
        with self._lock:
            self._order = order

    def ordered(self) -> Order | None:
        """Give the last order, None before the first."""
        with self._lock:
            return self._order
