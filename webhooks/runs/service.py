"""Start runs, join those that stand, wait for them, cancel them; the other side of the runner's table.

The one rule to keep: whoever reports a verdict that must not be given twice retires the run in the same breath.
"""

import logging
import math
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from webhooks.runs.bell import Bell
from webhooks.runs.changes import change
from webhooks.store.port import RunStore
from webhooks.store.records import UNDER_WAY, CanaryName, LoadWatch, Run, RunOrder, RunState
from webhooks.telemetry import logs

_log = logging.getLogger("penstock.runs")
_FIRST_POLL_S = 0.02
_LONGEST_POLL_S = 0.5
_POLL_SHARE = 0.1
_APART = (0.5, 1.5)


class RunService:
    """Keep runs for the hooks; `waiting_limit` is how many threads may wait at once."""

    def __init__(self, runs: RunStore, bell: Bell | None, now: Callable[[], float], waiting_limit: int) -> None:
        self.runs = runs
        self.now = now
        self._bell = bell
        self._stop_at = math.inf
        self._places = threading.BoundedSemaphore(waiting_limit)

    def start(self, order: RunOrder, watch: LoadWatch | None = None) -> Run:
        """Start a run, or join the one that stands for an equal order."""
        run = self.runs.join(Run(uuid.uuid4().hex, order, self.now(), watch=watch))
        if run.state is RunState.QUEUED:
            logs.event(_log, "run queued", run=run.id, test=order.test)
            self.wake()
        return run

    def wait(self, run: Run, deadline: float) -> Run:
        """Give the run once it has ended; as it is at the deadline (monotonic seconds) or with no place to wait."""
        if not self._places.acquire(blocking=False):
            return self.runs.find(run.id) or run
        began, pause = time.monotonic(), threading.Event()
        try:
            while not run.state.ended and (left_s := min(deadline, self._stop_at) - time.monotonic()) > 0:
                # The longer it has taken, the less a moment more matters. Who wait together must not all look at once,
                # or whoever asks a gate then stands behind them.
                patience_s = _FIRST_POLL_S + _POLL_SHARE * (time.monotonic() - began)
                apart = random.uniform(*_APART)  # noqa: S311 - no secret
                pause.wait(min(apart * min(patience_s, _LONGEST_POLL_S), left_s))
                run = self.runs.find(run.id) or run
        finally:
            self._places.release()
        return run

    def stop_waiting(self, within_s: float) -> None:
        """Let nobody wait longer than this from now on, so that every answer is given before the process ends."""
        self._stop_at = time.monotonic() + within_s

    def retire(self, run: Run) -> None:
        """Let the next equal order start a new run."""
        change(self.runs, run.id, lambda now: replace(now, standing=False) if now.standing else None)

    def cancel(self, canary: CanaryName, reason: str, spare_epoch: int = 0) -> None:
        """Cancel what is under way for a canary, but for one epoch."""
        for run in self.runs.select(UNDER_WAY):
            if run.order.canary == canary and run.order.epoch != spare_epoch:
                change(self.runs, run.id, lambda now: _cancelled(now, reason))
        self.wake()

    def cancel_run(self, run: Run, reason: str) -> Run:
        """Cancel one run; one that has ended stays as it is."""
        asked = change(self.runs, run.id, lambda now: _cancelled(now, reason))
        self.wake()
        return asked or run

    def wake(self) -> None:
        """Tell the runner to look at once."""
        if self._bell is not None:
            self._bell.ring()


def _cancelled(run: Run, reason: str) -> Run | None:
    return None if run.state.ended or run.cancel else replace(run, cancel=reason, standing=False)
