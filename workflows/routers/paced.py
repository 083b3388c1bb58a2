"""Bring traffic home no faster than the primary can take it: a router around another.

The rules to keep: the wait has an end, and then all traffic goes; a canary that cannot serve keeps no user at all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from workflows.ports import Clock, TrafficRouter
from workflows.rollout.traffic import ALL, Route

LONGEST_WAIT = timedelta(seconds=15)
"""How long traffic that is to go home may stay on the canary for want of capacity, however often it is tried."""

_PAUSE = timedelta(seconds=1)


class PacedRouter:
    """Split as another router does.

    `capacity` tells how many percent of the traffic the primary can carry now, `serving` whether the canary can take
    a request at all.
    """

    def __init__(
        self, router: TrafficRouter, capacity: Callable[[], int], serving: Callable[[], bool], clock: Clock
    ) -> None:
        self._router = router
        self._capacity = capacity
        self._serving = serving
        self._clock = clock
        self._deadline: datetime | None = None

    def read(self) -> Route:
        """Give the split that is in force."""
        return self._router.read()

    def shift(self, route: Route) -> None:
        """Put a split in force: at once, but for what would overload the primary, which follows when it can."""
        if self._capacity() < route.primary_percent:
            # A way home that trouble cut off goes on with what is left of its time.
            self._deadline = self._deadline or self._clock.now() + LONGEST_WAIT
            self._lead_home(route, self._deadline)
        self._router.shift(route)
        self._deadline = None

    def _lead_home(self, route: Route, deadline: datetime) -> None:
        while self._clock.now() < deadline and self._serving():
            found = self._router.read()
            carried = max(found.primary_percent, self._capacity())
            # Users that a header picks cannot be brought home in part.
            if found.matched or carried >= route.primary_percent:
                return
            if carried > found.primary_percent:
                self._router.shift(Route(ALL - carried))
            self._clock.sleep(_PAUSE)
