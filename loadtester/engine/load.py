"""Hold the load of one process: what a declarative plan's users share, and the report of what they did."""

from collections.abc import Callable
from functools import partial
from random import Random
from time import perf_counter

from loadtester.engine.actions import Action, deal, prepare
from loadtester.engine.driver import Driver
from loadtester.engine.health import process_health
from loadtester.engine.pacers import ArrivalPacer, Pacer, UserPacer
from loadtester.engine.recorder import Recorder
from loadtester.engine.schedule import arrivals
from loadtester.engine.targets import Target
from loadtester.engine.visitor import Visitor
from loadtester.plan import LoadPlan, Mode
from loadtester.report import LoadReport


class Load:
    """Make a declarative plan's load in this process, or this process's share of it."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.recorder = Recorder(plan.limits)
        self._lane = 0
        self._lanes = 1
        self._random = Random()  # noqa: S311 - load needs no secrets
        self._driver = Driver(plan, self.recorder)
        self._targets = [Target(url, plan.http) for url in (plan.target, plan.compare_with) if url]
        prefixes = ("canary ", "primary ") if plan.compare_with else ("",)
        self._arms: list[tuple[Action, ...]] = [
            prepare(plan, self.recorder, target, prefix=prefix)
            for target, prefix in zip(self._targets, prefixes, strict=True)
        ]
        self._users: UserPacer | None = None
        self._begun = False
        self._stopping = False
        self.grace_s = plan.limits.timeout_s + 1

    def share(self, lane: int, lanes: int) -> None:
        """Make one of several equal shares of the arrivals only; of users Locust gives each process its own."""
        self._lane, self._lanes = lane, lanes

    def begin(self) -> None:
        """Start the driver, once."""
        if not self._begun:
            self._begun = True
            self._driver.start(self._targets, self._make_pacer)

    def _make_pacer(self, started_at: float) -> Pacer:
        deck = deal(self._arms, [request.weight for request in self.plan.requests], self._random)
        if self.plan.mode is Mode.CLOSED:
            self._users = UserPacer(deck, self.recorder, self._random)
            return self._users
        segments = [segment.times(len(self._arms)) for segment in self.plan.segments]
        course = arrivals(segments, self.plan.spacing, self._random, lane=self._lane, lanes=self._lanes)
        due = (started_at + seconds for seconds in course)
        return ArrivalPacer(due, deck, self._driver.make_visitor, self.recorder, self.plan.limits)

    def join(self) -> Callable[[], bool]:
        """Let one user in (closed mode); call what is returned to let it go, until it says that it has gone."""
        users: list[Visitor] = []
        gone = False

        def enter() -> None:
            if self._users is not None and not gone:
                for target in self._targets:
                    users.append(self._driver.make_visitor(target))
                    self._users.join(users[-1], perf_counter())

        def leave() -> bool:
            nonlocal gone
            gone = True
            for user in users:
                user.leaving = True
            if any(user.busy for user in users) and not self._driver.finished:
                return False
            while users:
                self._driver.call(partial(self._driver.dismiss, users.pop()))
            return True

        self._driver.call(enter)
        return leave

    def leave(self) -> bool:
        """Let the arrivals end (open mode); say whether they have, answers included."""
        if not self._stopping:
            self.stop(cancelled=not self.over_soon)
        return self.drained

    def stop(self, *, cancelled: bool) -> None:
        """Start no more requests; those in flight have their time-out, or the grace of a cancelled run."""
        self._stopping = True
        self.grace_s = self.plan.limits.grace_s if cancelled else self.plan.limits.timeout_s + 1
        self._driver.stop()

    def close(self) -> None:
        """End at once; what is in flight is interrupted."""
        self._driver.close()

    @property
    def drained(self) -> bool:
        """Tell whether nothing is in flight and nothing will be started."""
        return self._driver.drained

    @property
    def over_soon(self) -> bool:
        """Tell whether all arrivals were due, so that an end is no cancel."""
        started_at = self._driver.started_at
        return bool(started_at) and perf_counter() >= started_at + self.plan.length_s

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

    def fault(self) -> str:
        """Say what ended the driver's thread before its time, empty when nothing did."""
        return "" if self._driver.fault is None else repr(self._driver.fault)

    def report(self) -> LoadReport:
        """Give the report of this moment."""
        users = self._driver.in_flight if self.plan.mode is Mode.OPEN else self._driver.users
        health = process_health(users, self._driver.in_flight, self.recorder.script_errors)
        return self.recorder.snapshot(self._driver.elapsed_s(perf_counter()), self._driver.scheduled, health)
