"""Make a declarative plan's load through Locust's users."""

from collections.abc import Sequence
from time import perf_counter

import gevent
from locust import LoadTestShape, User
from locust.env import Environment

from loadtester.engine.load import Load
from loadtester.engine.plan_user import PlanUser
from loadtester.engine.shapes import StagedUsers
from loadtester.plan import LoadPlan, Mode

_CLOSE_S = 1.0
_SOON_S = 0.005


class PlanLoad(Load):
    """Be a source of load: Locust starts and ends PlanUsers, the driver makes their requests."""

    def __init__(self, plan: LoadPlan) -> None:
        super().__init__(plan)
        self.user_classes: Sequence[type[User]] = [PlanUser]
        staged = plan.mode is Mode.CLOSED and plan.stages != ()
        self.shape: LoadTestShape | None = StagedUsers(plan.segments) if staged else None
        PlanUser.load = self

    def attach(self, environment: Environment) -> None:
        """Nothing to listen to: what is counted is told to Locust in batches."""

    def close(self) -> None:
        """End at once, and wait for the driver's thread to have seen it."""
        super().close()
        until = perf_counter() + _CLOSE_S
        while not self.finished and perf_counter() < until:
            gevent.sleep(_SOON_S)

    @property
    def over(self) -> bool:
        """Tell whether the plan's time is over or nothing will be started any more."""
        return self.drained or self.ended
