"""Bring traffic home no faster than the primary can take it: a router around another.

The rule to keep: the wait has an end, and then all traffic goes; a failing canary does not keep its users for longer.
"""

from collections.abc import Callable
from datetime import timedelta

from workflows.ports import Clock, TrafficRouter
from workflows.rollout.traffic import ALL, Route

LONGEST_WAIT = timedelta(seconds=30)
"""How long traffic that is to go home may stay on the canary for want of capacity."""

_PAUSE = timedelta(seconds=1)


class PacedRouter:
    """Split as another router does; `capacity` tells how many percent of the traffic the primary can carry now."""

    def __init__(self, router: TrafficRouter, capacity: Callable[[], int], clock: Clock) -> None:
        self._router = router
        self._capacity = capacity
        self._clock = clock

    def read(self) -> Route:
        """Give the split that is in force."""
        return self._router.read()

    def shift(self, route: Route) -> None:
        """Put a split in force: at once, but for what would overload the primary, which follows when it can."""
        if self._capacity() < route.primary_percent:
            self._lead_home(route)
        self._router.shift(route)

    def _lead_home(self, route: Route) -> None:
        deadline = self._clock.now() + LONGEST_WAIT
        while self._clock.now() < deadline:
            found = self._router.read()
            carried = max(found.primary_percent, self._capacity())
            # Users that a header picks cannot be brought home in part.
            if found.matched or carried >= route.primary_percent:
                return
            if carried > found.primary_percent:
                self._router.shift(Route(ALL - carried))
            self._clock.sleep(_PAUSE)
