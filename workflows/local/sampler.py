"""Look at a release twice a second, for the live view and the charts of the report.

The rates it shows are over the last seconds, so that a fault is seen before the next check judges it. Nothing here
decides anything.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from workflows.errors import PenstockError
from workflows.ports import Clock, Platform
from workflows.reports.recorder import UserCounts
from workflows.reports.release import TimelinePoint
from workflows.rollout.gates import P99
from workflows.rollout.samples import TrafficCounts

Show = Callable[[TimelinePoint], None]

PERIOD = timedelta(milliseconds=500)
"""How often it looks."""

_WINDOW = 6
"""How many looks a shown rate spans: three seconds."""

_MOST_POINTS = 4000
"""How many points a timeline keeps: half an hour; the oldest go first."""


class Sampler:
    """Sample the traffic of a platform from a thread of its own, until it is stopped."""

    def __init__(
        self, platform: Platform, users: Callable[[], UserCounts], show: Callable[[TimelinePoint], None]
    ) -> None:
        self._platform = platform
        self._clock: Clock = platform.clock
        self._users = users
        self._show = show
        self._readings: deque[TrafficCounts] = deque(maxlen=_WINDOW + 1)
        self._points: deque[TimelinePoint] = deque(maxlen=_MOST_POINTS)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        """Start to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join(PERIOD.total_seconds() * 10)

    @property
    def timeline(self) -> tuple[TimelinePoint, ...]:
        """Give what was seen so far."""
        return tuple(self._points)

    def _watch(self) -> None:
        while not self._over.wait(PERIOD.total_seconds()):
            try:
                point = self._look()
            except PenstockError:
                # A platform that is being mended is not seen for a moment; the loop is what reports that.
                continue
            self._points.append(point)
            self._show(point)

    def _look(self) -> TimelinePoint:
        self._readings.append(self._platform.counter.read())
        window = self._readings[-1].since(self._readings[0])
        users = self._users()
        return TimelinePoint(
            at=self._clock.now(),
            canary_percent=self._platform.router.read().canary_percent,
            primary_success_percent=window.primary.success_percent(),
            canary_success_percent=window.canary.success_percent(),
            primary_p99_ms=window.primary.quantile_ms(P99),
            canary_p99_ms=window.canary.quantile_ms(P99),
            user_requests=users.requests,
            user_failures=users.failures,
        )
