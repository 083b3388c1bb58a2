"""Tell the time: the real one, and one that only moves when somebody waits. No other module may sleep."""

import threading
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Tell the machine's time in UTC."""

    def now(self) -> datetime:
        """Give the time."""
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock

    def sleep(self, duration: timedelta) -> None:
        """Wait; a signal handler that raises ends the wait."""
        threading.Event().wait(max(0.0, duration.total_seconds()))


class MemoryClock:
    """Tell a time that moves by what is slept, so that an hour of a release takes no time."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Give the time."""
        return self._now

    def sleep(self, duration: timedelta) -> None:
        """Let the time pass at once."""
        self._now += max(timedelta(), duration)
