"""Say what a session needs of that which makes its load."""

from collections.abc import Sequence
from typing import Protocol

from locust import LoadTestShape, User
from locust.env import Environment

from loadtester.engine.recorder import Recorder
from loadtester.report import LoadReport


class Source(Protocol):
    """Make load, by users that Locust starts and ends."""

    recorder: Recorder
    user_classes: Sequence[type[User]]
    shape: LoadTestShape | None

    def attach(self, environment: Environment) -> None:
        """Listen to Locust's events."""
        ...

    def share(self, lane: int, lanes: int) -> None:
        """Make one of several equal shares of the load only."""
        ...

    @property
    def over(self) -> bool:
        """Tell whether the plan's time is over or nothing will be started any more."""
        ...

    def stop(self, *, cancelled: bool) -> None:
        """Start no more requests; Locust ends the users next."""
        ...

    def close(self) -> None:
        """End at once what is still under way."""
        ...

    def fault(self) -> str:
        """Say what ended the load before its time, empty when nothing did."""
        ...

    def report(self) -> LoadReport:
        """Give the report of this moment."""
        ...
