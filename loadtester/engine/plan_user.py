"""Be Locust's user of a declarative plan: Locust says how many there are, the driver makes their requests.

The one rule to keep: a user of ours is an ordinary Locust user to everyone else, so shapes, events, spawning, the
web UI, master and workers all go on working.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from locust import User, task

from loadtester.engine.load import Load
from loadtester.plan import Mode

_HOUR_S = 3600.0
_SOON_S = 0.02


class PlanUser(User):
    """Take part in the load of this process: one virtual user, or one lane of arrivals."""

    load: ClassVar[Load | None] = None

    @task
    def take_part(self) -> None:
        """Stay in the load until Locust ends this user, then wait for the answer that is under way."""
        load = type(self).load
        if load is None:
            return
        left = load.join() if load.plan.mode is Mode.CLOSED else load.leave
        load.begin()
        try:
            while True:
                gevent.sleep(_HOUR_S)
        finally:
            _wait(left, load.grace_s)

    def stop(self, force: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002 - Locust's own signature
        """End at once: the wait for answers is ours."""
        return bool(super().stop(force=True))

    def context(self) -> dict[str, Any]:
        """Say that the request is ours."""
        return {"synthetic": True}


def _wait(gone: Callable[[], bool], deadline_s: float) -> None:
    for _ in range(int(deadline_s / _SOON_S) + 1):
        if gone():
            return
        gevent.sleep(_SOON_S)
