"""Drive the visitors from one native thread: wait for wires and for the next due moment, and for nothing else.

The one rule to keep: this thread never calls what gevent has replaced; the hub reads its plain attributes and hands
it commands through a queue.
"""

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from gevent import monkey

from loadtester.engine.pacers import Pacer
from loadtester.engine.recorder import Recorder
from loadtester.engine.response import HeadCache
from loadtester.engine.targets import Target
from loadtester.engine.visitor import Visitor
from loadtester.plan import LoadPlan

_SWEEP_S = 0.05
_READ = 0x001
_WRITE = 0x004

_epoll: "type[select.epoll]" = monkey.get_original("select", "epoll")
_select = monkey.get_original("select", "select")
_start_thread = monkey.get_original("_thread", "start_new_thread")


class Driver:
    """Own the thread, the visitors and the wires it watches."""

    def __init__(self, plan: LoadPlan, recorder: Recorder) -> None:
        self._plan = plan
        self._recorder = recorder
        self._heads = HeadCache()
        self._epoll = _epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, _READ)
        self._watched: dict[int, Visitor] = {}
        self._visitors: list[Visitor] = []
        self._commands: deque[Callable[[], None]] = deque()
        self._pacer: Pacer | None = None
        self._sweep_at = 0.0
        self._closing = False
        self._last_end = 0.0
        self.in_flight = 0
        self.started_at = 0.0
        self.finished = False
        self.fault: BaseException | None = None

    def start(self, targets: Sequence[Target], make_pacer: Callable[[float], Pacer]) -> None:
        """Start the thread; it locates the targets and has the pacer made for the moment at which it begins."""
        _start_thread(self._run, (targets, make_pacer))

    def call(self, command: Callable[[], None]) -> None:
        """Have the thread do something, soon."""
        self._commands.append(command)
        os.eventfd_write(self._wake, 1)

    def make_visitor(self, target: Target) -> Visitor:
        """Make a visitor of a target; only the thread may."""
        visitor = Visitor(self, self._recorder, self._heads, target, redirects=self._plan.http.redirects)
        self._visitors.append(visitor)
        return visitor

    def dismiss(self, visitor: Visitor) -> None:
        """Let a visitor go; only the thread may."""
        visitor.interrupt()
        if visitor in self._visitors:
            self._visitors.remove(visitor)

    def stop(self) -> None:
        """Start no more requests."""
        self.call(self._stop_pacer)

    def _stop_pacer(self) -> None:
        if self._pacer is not None:
            self._pacer.stop()
            self._sweep(perf_counter())

    def close(self) -> None:
        """End the thread; what is in flight is interrupted."""
        self._closing = True
        self.call(lambda: None)

    @property
    def drained(self) -> bool:
        """Tell whether nothing is in flight and nothing will be started."""
        return self.finished or (self._pacer is not None and self._pacer.exhausted and self.in_flight == 0)

    @property
    def users(self) -> int:
        """Give how many visitors there are and stay."""
        return sum(not visitor.leaving for visitor in tuple(self._visitors))

    @property
    def scheduled(self) -> int:
        """Give how many arrivals were due so far."""
        return self._pacer.scheduled if self._pacer is not None else 0

    def elapsed_s(self, now: float) -> float:
        """Give the seconds of load so far: the plan's own length, longer only when answers came after it."""
        if not self.started_at:
            return 0.0
        length_s = min(now - self.started_at, self._plan.length_s)
        return max(length_s, min(now, self._last_end) - self.started_at)

    def watch(self, visitor: Visitor, fd: int) -> None:
        """Call the visitor when the descriptor is ready to be read or written."""
        self._watched[fd] = visitor
        self._epoll.register(fd, _READ | _WRITE)

    def await_writing(self, fd: int, *, wanted: bool) -> None:
        """Say whether readiness to write counts too."""
        self._epoll.modify(fd, _READ | _WRITE if wanted else _READ)

    def forget(self, fd: int) -> None:
        """Watch the descriptor no more."""
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def freed(self, visitor: Visitor, now: float) -> None:
        """Hand a visitor that ended its request to the pacer."""
        self._last_end = now
        if self._pacer is not None:
            self._pacer.freed(visitor, now)

    def _run(self, targets: Sequence[Target], make_pacer: Callable[[float], Pacer]) -> None:
        # debuggers and coverage see this thread as they see those that `threading` starts
        sys.settrace(threading.gettrace())
        self._drive(targets, make_pacer)

    def _drive(self, targets: Sequence[Target], make_pacer: Callable[[float], Pacer]) -> None:
        try:
            for target in targets:
                target.locate()
            self.started_at = perf_counter()
            self._pacer = make_pacer(self.started_at)
            while not self._closing:
                self._turn()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the hub reads the fault and ends the run
            self.fault = error
        finally:
            for visitor in self._visitors:
                visitor.interrupt()
            self.in_flight = 0
            self.finished = True
            self._epoll.close()

    def _turn(self) -> None:
        watched = self._watched
        for fd, mask in self._poll():
            visitor = watched.get(fd)
            if visitor is not None:
                visitor.on_ready(mask)
            elif fd == self._wake:
                self._obey()
        now = perf_counter()
        if now >= self._sweep_at:
            self._sweep(now)
        if self._pacer is not None:
            self._pacer.dispatch(now)

    def _poll(self) -> list[tuple[int, int]]:
        wait_s = min(self._pacer.wait_s(perf_counter()) if self._pacer is not None else _SWEEP_S, _SWEEP_S)
        if 0 < wait_s < _SWEEP_S:
            # epoll counts whole milliseconds, select microseconds: a schedule needs the latter
            _select([self._epoll], [], [], wait_s)
            wait_s = 0.0
        return self._epoll.poll(max(wait_s, 0.0))

    def _obey(self) -> None:
        os.eventfd_read(self._wake)
        while self._commands:
            self._commands.popleft()()

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + _SWEEP_S
        oldest = now - self._plan.limits.timeout_s
        message = f"no answer within {self._plan.limits.timeout_s:g} s"
        busy = [visitor for visitor in self._visitors if visitor.busy]
        for visitor in busy:
            if visitor.sent < oldest:
                visitor.fail("timeout", message)
        self.in_flight = sum(visitor.busy for visitor in self._visitors)
