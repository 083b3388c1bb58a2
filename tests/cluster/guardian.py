"""Let the watchdog look on for longer than a lease lasts, on a clock that is told to move on."""

from datetime import datetime, timedelta

from tests.cluster.releases import Stage
from workflows.clocks import SystemClock
from workflows.watchdog import LOOK_EVERY, Beat, ClusterWatchdog

_LONGER_THAN_THE_LEASE = timedelta(seconds=90)


class Hasty:
    """A clock on which every wait is over at once."""

    def __init__(self) -> None:
        self._clock, self._by = SystemClock(), timedelta()

    def now(self) -> datetime:
        """Give the time."""
        return self._clock.now() + self._by

    def sleep(self, duration: timedelta) -> None:
        """Move on."""
        self._by += duration


def watch_over(stage: Stage) -> None:
    """Look until a lease of a minute must have run out, then wait for what is being ended."""
    clock = Hasty()
    watchdog = ClusterWatchdog(stage.cluster, Beat(("test",), "test"), clock)
    for _ in range(_LONGER_THAN_THE_LEASE // LOOK_EVERY):
        watchdog.look()
        clock.sleep(LOOK_EVERY)
    watchdog.rest(timedelta(hours=1))
