"""Make load with a user's own Locust file: its users, tasks, shapes and events, as Locust runs them.

The one rule to keep: a request that was never answered is a failed request, also when the run ends before it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import gevent
from locust import FastHttpUser, LoadTestShape, User, log
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from loadtester.engine.faults import class_of
from loadtester.engine.health import process_health
from loadtester.engine.recorder import Recorder
from loadtester.engine.shapes import StagedUsers
from loadtester.engine.slim_user import SlimHttpUser, SlimSession
from loadtester.errors import ScriptError
from loadtester.plan import SYNTHETIC_HEADER, LoadPlan
from loadtester.report import Health, LoadReport

_LAG_STEP_S = 0.05


class FileLoad:
    """Run a Locust file's users and count what they do."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.recorder = Recorder(plan.limits)
        self._evented = Recorder(plan.limits)
        self._environment: Environment | None = None
        self._cancelled = False
        self._started_at = 0.0
        self._ended_at = 0.0
        self._flying = 0
        self.user_classes, self.shape = _load(plan.locustfile)
        if plan.stages:
            self.shape = StagedUsers(plan.segments)
        _prepare_clients(self, plan.limits.timeout_s, self.user_classes)

    def attach(self, environment: Environment) -> None:
        """Count the requests and errors that Locust tells of."""
        self._environment = environment
        environment.events.request.add_listener(self._on_request)  # type: ignore[no-untyped-call]  # unannotated
        environment.events.user_error.add_listener(self._on_user_error)  # type: ignore[no-untyped-call]  # unannotated
        self._bound_statistics(environment.stats)
        SlimSession.adopt(self.recorder, environment, self._on_cut)
        gevent.spawn(self._measure_lag)
        self._started_at = perf_counter()

    def _bound_statistics(self, stats: Any) -> None:
        """Let Locust's own statistics, which forget nothing, see folded names and classes of errors only."""
        log_request, log_error = stats.log_request, stats.log_error

        def request(method: str, name: str, *more: Any) -> None:
            log_request(method, self._evented.folded_entry(name).name, *more)

        def error(method: str, name: str, fault: Exception | str | None) -> None:
            kind = class_of(fault, 0) if isinstance(fault, Exception) else "failed"
            log_error(method, self._evented.folded_entry(name).name, kind)

        stats.log_request, stats.log_error = request, error

    def share(self, lane: int, lanes: int) -> None:
        """Nothing to share: Locust spreads the users itself."""

    @property
    def over(self) -> bool:
        """Tell whether the plan's time is over."""
        runner = self._environment.runner if self._environment is not None else None
        shaped_out = self.shape is not None and runner is not None and runner.state == "stopped"
        return shaped_out or perf_counter() >= self._started_at + self.plan.length_s

    def stop(self, *, cancelled: bool) -> None:
        """Have Locust wait for the requests under way as long as they may take."""
        self._cancelled = cancelled
        self._ended_at = perf_counter()
        if self._environment is not None:
            limits = self.plan.limits
            self._environment.stop_timeout = max(limits.grace_s if cancelled else limits.timeout_s, 0.05)

    def close(self) -> None:
        """Nothing is left: Locust has ended the users."""

    def fault(self) -> str:
        """Nothing ends this load but its time; what the script did wrong is counted."""
        return ""

    @contextmanager
    def flight(self, name: str) -> Iterator[None]:
        """Watch one request; when its user is ended first it counts as timed out, or as interrupted by a cancel."""
        begun_at = perf_counter()
        self._flying += 1
        try:
            yield
        except gevent.GreenletExit:
            self._on_cut(name, perf_counter() - begun_at)
            raise
        finally:
            self._flying -= 1

    def _on_cut(self, name: str, waited_s: float) -> None:
        if self._cancelled or waited_s < self.plan.limits.timeout_s:
            self.recorder.interrupted += 1
            return
        entry = self._evented.folded_entry(name)
        entry.record(int(waited_s * 1e6), int(waited_s * 1e6), 0, 0)
        self._evented.fail(entry, "timeout", f"no answer within {waited_s:.1f} s, when the run ended")

    def _on_request(self, name: str, response_time: float, response_length: int, **more: Any) -> None:
        entry = self._evented.folded_entry(name)
        duration_us = int(response_time * 1000)
        status = int(getattr(more.get("response"), "status_code", 0) or 0)
        entry.record(duration_us, duration_us, status, int(response_length or 0))
        exception = more.get("exception")
        if exception is None:
            entry.checks_passed += 1
        else:
            entry.checks_failed += 1
            self._evented.fail(entry, class_of(exception, status), str(exception))

    def _on_user_error(self, user_instance: User, exception: Exception, **_: Any) -> None:
        self.recorder.script_errors += 1
        self.recorder.note(type(user_instance).__name__, type(exception).__name__, str(exception))

    def _measure_lag(self) -> None:
        while True:
            due = perf_counter() + _LAG_STEP_S
            gevent.sleep(_LAG_STEP_S)
            self.recorder.lag.add(int(max(perf_counter() - due, 0.0) * 1e6))

    def report(self) -> LoadReport:
        """Give the report of this moment."""
        runner = self._environment.runner if self._environment is not None else None
        # a listener of the user's that raises is only logged by Locust, which keeps this mark of it
        listeners_failed = int(bool(log.unhandled_greenlet_exception))
        script_errors = self.recorder.script_errors + listeners_failed
        health = process_health(runner.user_count if runner else 0, self._flying, script_errors)
        elapsed_s = (self._ended_at or perf_counter()) - self._started_at
        ours = self.recorder.snapshot(elapsed_s, 0, health)
        return ours.merge(self._evented.snapshot(elapsed_s, 0, Health(workers=0)))


def _load(path: str) -> tuple[Sequence[type[User]], LoadTestShape | None]:
    """Import a Locust file; raises ScriptError for whatever is wrong with it."""
    if not Path(path).is_file():
        raise ScriptError(f"locustfile: {path} is not a file")
    try:
        users, shapes = load_locustfile(str(Path(path).resolve()))
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        raise ScriptError(f"locustfile: {path}: {type(error).__name__}: {error}") from error
    if not users:
        raise ScriptError(f"locustfile: {path} has no User class; write one with a @task")
    return list(users.values()), shapes[0] if shapes else None


def _prepare_clients(load: FileLoad, timeout_s: float, user_classes: Sequence[type[User]]) -> None:
    """Give the clients the plan's time-out where the file has none, our header, and spread the users' starts."""
    for user_class in user_classes:
        if issubclass(user_class, (FastHttpUser, SlimHttpUser)):
            headers = {SYNTHETIC_HEADER[0]: SYNTHETIC_HEADER[1]}
            user_class.default_headers = headers | dict(user_class.default_headers or {})
            for name in ("network_timeout", "connection_timeout"):
                if getattr(user_class, name) == getattr(FastHttpUser, name):
                    setattr(user_class, name, timeout_s)
    FastHttpSession.request = _watched(load, FastHttpSession.request)  # type: ignore[method-assign]  # in this child
    HttpSession.request = _watched(load, _with_timeout(HttpSession.request, timeout_s))  # type: ignore[method-assign]
    User.run = _spread(User.run)  # type: ignore[misc, method-assign]  # in this child only, for all users


def _watched(load: FileLoad, request: Callable[..., Any]) -> Callable[..., Any]:
    def watched(session: Any, method: str, url: str, name: str | None = None, **more: Any) -> Any:
        with load.flight(name or url):
            return request(session, method, url, name=name, **more)

    return watched


def _with_timeout(request: Callable[..., Any], timeout_s: float) -> Callable[..., Any]:
    def timed(session: Any, method: str, url: str, **more: Any) -> Any:
        more.setdefault("timeout", timeout_s)
        session.headers.setdefault(*SYNTHETIC_HEADER)
        return request(session, method, url, **more)

    return timed


def _spread(run: Callable[[User], None]) -> Callable[[User], None]:
    """Start each user at a random moment of its first pause, and its pacing clock with it, or all march in step."""

    def spread(user: User) -> None:
        pause_s = float(user.wait_time() or 0.0)
        gevent.sleep(random.uniform(0.0, pause_s))  # noqa: S311 - load needs no secrets
        user._cp_last_run, user._cp_last_wait_time = perf_counter(), 0.0  # noqa: SLF001 - Locust's pacing clock
        run(user)

    return spread
