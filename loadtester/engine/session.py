"""Run one plan from its first request to its last line, in Locust's environment.

The one rule to keep: however a run ends, its last line is written and its requests in flight had their time.
"""

import signal
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.event import EventHook

from loadtester.engine.load import Load
from loadtester.engine.plan_user import PlanUser
from loadtester.engine.shapes import StagedUsers
from loadtester.engine.statistics import StatisticsBatch
from loadtester.engine.stream import Stream
from loadtester.plan import LoadPlan, Mode

_SOON_S = 0.01


class Session:
    """Run one plan in this process alone."""

    def __init__(self, plan: LoadPlan, stream: Stream, tick_s: float) -> None:
        self._plan = plan
        self._stream = stream
        self._tick_s = tick_s
        self._cancelled = False
        self._load = Load(plan)
        staged = plan.mode is Mode.CLOSED and plan.stages != ()
        shape = StagedUsers(plan.segments) if staged else None
        PlanUser.load = self._load
        self._environment = Environment(
            user_classes=[PlanUser], shape_class=shape, host=plan.target, events=locust.events
        )
        self._runner = self._environment.create_local_runner()
        self._batch = StatisticsBatch(self._environment.stats)

    def run(self) -> None:
        """Make the load and write its lines."""
        gevent.signal_handler(signal.SIGTERM, self._cancel)
        gevent.signal_handler(signal.SIGINT, self._cancel)
        self._fire(self._environment.events.init, runner=self._runner, web_ui=None)
        if self._environment.shape_class is None:
            users = 1 if self._plan.mode is Mode.OPEN else int(self._plan.level)
            self._runner.start(users, spawn_rate=users)
        else:
            self._runner.start_shape()
        self._watch()
        self._finish()

    def _fire(self, hook: EventHook, **content: Any) -> None:
        hook.fire(environment=self._environment, **content)  # type: ignore[no-untyped-call]  # Locust's own signature

    def _cancel(self) -> None:
        self._cancelled = True

    def _watch(self) -> None:
        tick_at = perf_counter()
        while not self._over():
            if perf_counter() >= tick_at + self._tick_s:
                tick_at += self._tick_s
                self._tell("tick")
            gevent.sleep(_SOON_S)

    def _over(self) -> bool:
        return self._cancelled or self._load.drained or self._load.ended

    def _tell(self, kind: str, **content: Any) -> None:
        report = self._load.report()
        self._batch.flush(self._load.recorder)
        self._stream.say(kind, report=report.to_dict(), **content)

    def _finish(self) -> None:
        self._load.stop()
        limits = self._plan.limits
        grace_s = limits.grace_s if self._cancelled else limits.timeout_s + 1
        _wait_until(lambda: self._load.drained or (self._cancelled and grace_s == 0), grace_s)
        self._load.close()
        _wait_until(lambda: self._load.finished, 1.0)
        self._batch.flush(self._load.recorder)
        self._runner.quit()
        self._fire(self._environment.events.quitting, reverse=True)
        fault = "" if self._load.fault is None else repr(self._load.fault)
        self._tell("end", fault=fault)


def _wait_until(condition: Callable[[], bool], deadline_s: float) -> None:
    until = perf_counter() + deadline_s
    while not condition() and perf_counter() < until:
        gevent.sleep(_SOON_S)
