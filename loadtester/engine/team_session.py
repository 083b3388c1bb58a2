"""Run one plan with Locust's own master and workers; their reports ride on Locust's and merge exactly.

The one rule to keep: a worker always tells its whole count so far, so that a report lost or doubled changes nothing.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
from locust import runners
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtester.engine.health import process_health
from loadtester.engine.session import Session
from loadtester.engine.source import Source
from loadtester.engine.stream import Stream
from loadtester.errors import EngineError
from loadtester.plan import LoadPlan, Mode
from loadtester.report import Health, LoadReport

_KEY = "penstock"
_GATHER_S = 60.0
_LATE_S = 0.5
_SOON_S = 0.02


class MasterSession(Session):
    """Lead the workers and add up what they tell."""

    def __init__(self, plan: LoadPlan, source: Source, stream: Stream, order: dict[str, Any]) -> None:
        self._order = order
        self._workers = int(order["workers"])
        self._told: dict[str, LoadReport] = {}
        self._final: set[str] = set()
        self._begun_at = 0.0
        super().__init__(plan, source, stream, order)
        self._environment.stop_timeout = plan.limits.timeout_s
        listen(self._environment.events.worker_report, self._on_worker_report)

    def _make_runner(self, environment: Environment) -> Runner:
        return environment.create_master_runner(self._order["host"], int(self._order["port"]))

    @property
    def _master(self) -> MasterRunner:
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            raise EngineError("the master's runner is gone")
        return runner

    @property
    def _users(self) -> int:
        return self._workers if self._plan.mode is Mode.OPEN else int(self._plan.level)

    def _prepare(self) -> None:
        self._stream.say("ready", port=self._master.server.port)
        until = waiting_at = perf_counter() + _GATHER_S
        while self._master.worker_count < self._workers and not self._cancelled:
            now = perf_counter()
            if now >= until:
                here = self._master.worker_count
                raise EngineError(f"workers: {here} of {self._workers} came within {_GATHER_S:.0f} s")
            if now >= waiting_at - _GATHER_S:
                waiting_at += 1.0
                self._stream.say("waiting")
            gevent.sleep(_SOON_S)

    def _start(self) -> None:
        self._begun_at = perf_counter()
        super()._start()

    def _over(self) -> bool:
        elapsed_s = perf_counter() - self._begun_at
        return elapsed_s >= self._plan.length_s + _LATE_S or self._master.worker_count == 0

    def _on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        content = data.get(_KEY)
        if content is not None:
            self._told[client_id] = LoadReport.from_dict(content["report"])
            if content["final"]:
                self._final.add(client_id)

    def _report(self) -> LoadReport:
        own = process_health(0, 0, 0)
        total = LoadReport(health=Health(cpu_s=own.cpu_s, memory_mb=own.memory_mb, workers=0, workers_lost=self._lost))
        for report in tuple(self._told.values()):
            total = total.merge(report)
        return total

    @property
    def _lost(self) -> int:
        present = len(self._final | {client.id for client in self._alive()})
        return max(self._workers - present, 0) if self._begun_at else 0

    def _alive(self) -> list[Any]:
        clients = self._master.clients
        return [*clients.ready, *clients.spawning, *clients.running]

    def _finish(self) -> None:
        waiting_for = {client.id for client in self._alive()}
        limits = self._plan.limits
        self._master.send_message("quit")
        until = perf_counter() + limits.timeout_s + 3
        while not waiting_for <= self._final and perf_counter() < until:
            gevent.sleep(_SOON_S)
        super()._finish()


class WorkerSession(Session):
    """Make one share of the load and tell the master."""

    def __init__(self, plan: LoadPlan, source: Source, stream: Stream, order: dict[str, Any]) -> None:
        self._order = order
        self._stopped = False
        runners.WORKER_REPORT_INTERVAL = order["tick_s"]
        super().__init__(plan, source, stream, order)
        events = self._environment.events
        listen(events.test_start, self._on_test_start)
        listen(events.test_stop, self._on_test_stop)
        listen(events.report_to_master, self._on_report_to_master)

    def _make_runner(self, environment: Environment) -> Runner:
        return environment.create_worker_runner(self._order["host"], int(self._order["port"]))

    def _start(self) -> None:
        """Wait for the master: it says when users start and end."""

    def _on_test_start(self, **_: Any) -> None:
        index = max(getattr(self._runner, "worker_index", 0), 0)
        self._source.share(index % int(self._order["workers"]), int(self._order["workers"]))

    def _on_test_stop(self, **_: Any) -> None:
        self._source.close()
        self._stopped = True
        self._batch.flush(self._source.recorder)

    def _on_report_to_master(self, data: dict[str, Any], **_: Any) -> None:
        self._batch.flush(self._source.recorder)
        data[_KEY] = {"report": self._source.report().to_dict(), "final": self._stopped}

    def _over(self) -> bool:
        return isinstance(self._runner, WorkerRunner) and len(self._runner.greenlet) == 0


def listen(hook: Any, listener: Callable[..., None]) -> None:
    """Add a listener to one of Locust's events, whose methods are not annotated."""
    hook.add_listener(listener)
