"""Run one plan from its first request to its last line, in Locust's environment.

The one rule to keep: however a run ends, its last line is written and its requests in flight had their time.
"""

import signal
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.event import EventHook
from locust.runners import Runner

from loadtester.engine.source import Source
from loadtester.engine.statistics import StatisticsBatch
from loadtester.engine.stream import Stream
from loadtester.plan import LoadPlan, Mode
from loadtester.report import LoadReport

_SOON_S = 0.01


class Session:
    """Run one plan in this process alone."""

    def __init__(self, plan: LoadPlan, source: Source, stream: Stream, order: Mapping[str, Any]) -> None:
        self._plan = plan
        self._source = source
        self._stream = stream
        self._tick_s = float(order["tick_s"])
        self._web_port = int(order["web_port"])
        self._cancelled = False
        self._environment = Environment(
            user_classes=list(source.user_classes),
            shape_class=source.shape,
            host=plan.target,
            events=locust.events,
            tags=list(plan.tags) or None,
        )
        self._runner = self._make_runner(self._environment)
        source.attach(self._environment)
        self._batch = StatisticsBatch(self._environment.stats)

    def _make_runner(self, environment: Environment) -> Runner:
        return environment.create_local_runner()

    @property
    def _users(self) -> int:
        return 1 if self._plan.mode is Mode.OPEN else int(self._plan.level)

    def run(self) -> None:
        """Make the load and write its lines."""
        gevent.signal_handler(signal.SIGTERM, self._cancel)
        gevent.signal_handler(signal.SIGINT, self._cancel)
        web_ui = self._environment.create_web_ui("127.0.0.1", self._web_port) if self._web_port else None
        self._fire(self._environment.events.init, runner=self._runner, web_ui=web_ui)
        self._prepare()
        self._stream.say("begun")
        self._start()
        self._watch()
        self._finish()

    def _prepare(self) -> None:
        """Get ready; from `begun` on silence means that something hangs."""

    def _start(self) -> None:
        if self._environment.shape_class is None:
            self._runner.start(self._users, spawn_rate=self._users)
        else:
            self._runner.start_shape()

    def _fire(self, hook: EventHook, **content: Any) -> None:
        hook.fire(environment=self._environment, **content)  # type: ignore[no-untyped-call]  # Locust's own signature

    def _cancel(self) -> None:
        self._cancelled = True

    def _over(self) -> bool:
        return self._source.over

    def _report(self) -> LoadReport:
        return self._source.report()

    def _watch(self) -> None:
        tick_at = perf_counter()
        while not self._cancelled and not self._over():
            if perf_counter() >= tick_at + self._tick_s:
                tick_at += self._tick_s
                self._tell("tick")
            gevent.sleep(_SOON_S)

    def _tell(self, kind: str, **content: Any) -> None:
        self._batch.flush(self._source.recorder)
        self._stream.say(kind, report=self._report().to_dict(), **content)

    def _finish(self) -> None:
        self._source.stop(cancelled=self._cancelled)
        self._runner.quit()
        self._source.close()
        self._batch.flush(self._source.recorder)
        self._fire(self._environment.events.quitting, reverse=True)
        if self._environment.web_ui is not None:
            self._environment.web_ui.stop()  # type: ignore[no-untyped-call]  # Locust leaves it unannotated
        self._tell("end", fault=self._source.fault())
