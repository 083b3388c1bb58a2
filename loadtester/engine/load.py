"""Hold the load of one process: what a declarative plan's users share, and the report of what they did."""

import resource
import time
from collections.abc import Callable
from random import Random
from time import perf_counter

from loadtester.engine.actions import Action, deal, prepare
from loadtester.engine.driver import Driver
from loadtester.engine.pacers import ArrivalPacer, Pacer, UserPacer
from loadtester.engine.recorder import Recorder
from loadtester.engine.schedule import arrivals
from loadtester.engine.targets import Target
from loadtester.engine.visitor import Visitor
from loadtester.plan import LoadPlan, Mode
from loadtester.report import Health, LoadReport

_PAGE_MB = resource.getpagesize() / 1024 / 1024


class Load:
    """Make a declarative plan's load in this process, or this process's share of it."""

    def __init__(self, plan: LoadPlan, *, lane: int = 0, lanes: int = 1) -> None:
        self.plan = plan
        self.recorder = Recorder(plan.limits)
        self._lane = lane
        self._lanes = lanes
        self._random = Random()  # noqa: S311 - load needs no secrets
        self._driver = Driver(plan, self.recorder)
        self._targets = [Target(plan.target, plan.http)]
        self._actions: tuple[Action, ...] = prepare(plan, self.recorder, self._targets[0])
        self._users: UserPacer | None = None
        self._begun = False

    def begin(self) -> None:
        """Start the driver, once."""
        if not self._begun:
            self._begun = True
            self._driver.start(self._targets, self._make_pacer)

    def _make_pacer(self, started_at: float) -> Pacer:
        deck = deal(self._actions, [request.weight for request in self.plan.requests], self._random)
        if self.plan.mode is Mode.CLOSED:
            self._users = UserPacer(deck, self.recorder, self._random)
            return self._users
        course = arrivals(self.plan.segments, self.plan.spacing, self._random, lane=self._lane, lanes=self._lanes)
        due = (started_at + seconds for seconds in course)
        return ArrivalPacer(due, deck, self._driver.make_visitor, self.recorder, self.plan.limits)

    def join(self) -> Callable[[], bool]:
        """Let one user in (closed mode); call what is returned to let it go, until it says that it has gone."""
        users: list[Visitor] = []

        def enter() -> None:
            if self._users is not None:
                users.append(self._driver.make_visitor(self._targets[0]))
                self._users.join(users[0], perf_counter())

        def leave() -> bool:
            for user in users:
                user.leaving = True
            return self._driver.finished or not any(user.busy for user in users)

        self._driver.call(enter)
        return leave

    def stop(self) -> None:
        """Start no more requests."""
        self._driver.stop()

    def close(self) -> None:
        """End at once; what is in flight is interrupted."""
        self._driver.close()

    @property
    def drained(self) -> bool:
        """Tell whether nothing is in flight and nothing will be started."""
        return self._driver.drained

    @property
    def ended(self) -> bool:
        """Tell whether the plan's time is over; arrivals end by themselves, users are told."""
        started_at = self._driver.started_at
        late_s = 0.0 if self.plan.mode is Mode.CLOSED else self.plan.limits.timeout_s
        return bool(started_at) and perf_counter() >= started_at + self.plan.length_s + late_s

    @property
    def finished(self) -> bool:
        """Tell whether the driver's thread has ended."""
        return self._driver.finished or not self._begun

    @property
    def fault(self) -> BaseException | None:
        """Give what ended the driver's thread before its time."""
        return self._driver.fault

    def report(self) -> LoadReport:
        """Give the report of this moment."""
        users = self._driver.in_flight if self.plan.mode is Mode.OPEN else self._driver.users
        health = process_health(users, self._driver.in_flight, self.recorder.script_errors)
        return self.recorder.snapshot(self._driver.elapsed_s(perf_counter()), self._driver.scheduled, health)


def process_health(users: int, in_flight: int, script_errors: int) -> Health:
    """Give this process's own health."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - each tick: no Path is made for it
        resident = int(statm.read().split()[1])
    return Health(time.process_time(), round(resident * _PAGE_MB, 1), users, in_flight, 1, 0, script_errors)
