"""Decide when a request starts: arrivals on an absolute schedule, or users who wait for their answers.

The one rule to keep: what could not be started in time is counted as dropped, never silently skipped.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Protocol

from loadtester.engine.actions import Action
from loadtester.engine.recorder import Recorder
from loadtester.engine.targets import Target
from loadtester.engine.visitor import Visitor
from loadtester.plan import Limits

_REST_AFTER_FAULT_S = 0.1
_SOON_S = 0.05


class Pacer(Protocol):
    """Start requests when they are due."""

    scheduled: int

    def wait_s(self, now: float) -> float:
        """Give the seconds until something is due."""
        ...

    def dispatch(self, now: float) -> None:
        """Start what is due."""
        ...

    def freed(self, visitor: Visitor, now: float) -> None:
        """Use a visitor again."""
        ...

    def stop(self) -> None:
        """Start no more."""
        ...

    @property
    def exhausted(self) -> bool:
        """Tell whether nothing will be started any more."""
        ...


class ArrivalPacer:
    """Start each arrival at its time, with a free visitor or a new one."""

    def __init__(
        self,
        due: Iterator[float],
        deck: Iterator[Action],
        make: Callable[[Target], Visitor],
        recorder: Recorder,
        limits: Limits,
    ) -> None:
        self._due = due
        self._deck = deck
        self._make = make
        self._recorder = recorder
        self._limits = limits
        self._idle: dict[Target, list[Visitor]] = {}
        self._made = 0
        self._backlog: deque[tuple[float, Action]] = deque()
        self._next = next(due, None)
        self.scheduled = 0

    def wait_s(self, now: float) -> float:
        """Give the seconds until the next arrival is due."""
        return _SOON_S if self._next is None else self._next - now

    def dispatch(self, now: float) -> None:
        """Start the arrivals that are due, or keep them until a visitor is free; drop the one that waited too long."""
        oldest = now - self._limits.timeout_s
        while self._backlog and self._backlog[0][0] < oldest:
            self._backlog.popleft()
            self._recorder.dropped += 1
        while self._backlog and (visitor := self._free_visitor(self._backlog[0][1].target)) is not None:
            self._begin(visitor, *self._backlog.popleft(), now)
        while self._next is not None and self._next <= now:
            intended, self._next = self._next, next(self._due, None)
            self.scheduled += 1
            self._recorder.lag.add(int((now - intended) * 1e6))
            self._start(intended, next(self._deck), now)

    def _start(self, intended: float, action: Action, now: float) -> None:
        visitor = self._free_visitor(action.target)
        if visitor is None:
            self._backlog.append((intended, action))
        else:
            self._begin(visitor, intended, action, now)

    def _free_visitor(self, target: Target) -> Visitor | None:
        idle = self._idle.get(target)
        if idle:
            return idle.pop()
        if self._made >= self._limits.connections:
            return None
        self._made += 1
        return self._make(target)

    def _begin(self, visitor: Visitor, intended: float, action: Action, now: float) -> None:
        while not visitor.can(action) or action.target is not visitor.target:
            action = next(self._deck)
        visitor.begin(action, intended, now)

    def freed(self, visitor: Visitor, now: float) -> None:
        """Give a visitor the oldest arrival that waits, else let it rest.

        One that failed gets its next in `dispatch`, or a dead target would have us call ourselves without end.
        """
        if self._backlog and not visitor.failed and self._backlog[0][1].target is visitor.target:
            intended, action = self._backlog.popleft()
            self._begin(visitor, intended, action, now)
        else:
            self._idle.setdefault(visitor.target, []).append(visitor)

    def stop(self) -> None:
        """Start no more: what waits is dropped."""
        self._next = None
        self._recorder.dropped += len(self._backlog)
        self._backlog.clear()

    @property
    def exhausted(self) -> bool:
        """Tell whether the schedule is at its end and nothing waits."""
        return self._next is None and not self._backlog


class UserPacer:
    """Let each user make its next request once it has its answer and has thought."""

    def __init__(self, deck: Iterator[Action], recorder: Recorder, random: Random) -> None:
        self._deck = deck
        self._recorder = recorder
        self._random = random
        self._waiting: list[tuple[float, int, Visitor]] = []
        self._order = itertools.count()
        self._stopped = False
        self.scheduled = 0

    def join(self, visitor: Visitor, now: float) -> None:
        """Take a user in; its first request comes at a random moment of its first pause."""
        action = next(self._deck)
        self._rest(visitor, now + self._random.uniform(0.0, action.think_s[1]))

    def _rest(self, visitor: Visitor, until: float) -> None:
        heapq.heappush(self._waiting, (until, next(self._order), visitor))

    def wait_s(self, now: float) -> float:
        """Give the seconds until the next user has thought."""
        return self._waiting[0][0] - now if self._waiting else _SOON_S

    def dispatch(self, now: float) -> None:
        """Let those go on who have thought."""
        while self._waiting and self._waiting[0][0] <= now:
            due, _, visitor = heapq.heappop(self._waiting)
            if not visitor.leaving and not self._stopped:
                self._recorder.lag.add(int((now - due) * 1e6))
                self._begin(visitor, now)

    def _begin(self, visitor: Visitor, now: float) -> None:
        action = next(self._deck)
        while not visitor.can(action) or action.target is not visitor.target:
            action = next(self._deck)
        visitor.begin(action, now, now)

    def freed(self, visitor: Visitor, now: float) -> None:
        """Let a user think, or go on at once; one whose request failed to connect rests a moment."""
        if self._stopped or visitor.leaving:
            return
        action = visitor.action
        low, high = action.think_s if action is not None else (0.0, 0.0)
        pause_s = self._random.uniform(low, high) if high else 0.0
        if visitor.failed:
            pause_s = max(pause_s, _REST_AFTER_FAULT_S)
        if pause_s:
            self._rest(visitor, now + pause_s)
        else:
            self._begin(visitor, now)

    def stop(self) -> None:
        """Start no more."""
        self._stopped = True
        self._waiting.clear()

    @property
    def exhausted(self) -> bool:
        """Tell whether no user may go on."""
        return self._stopped
