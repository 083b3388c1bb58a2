"""Run tests: claim queued runs from the store, start a child for each, and write down what comes of it.

One thread, one process, apart from those that serve HTTP. Everything it must remember is in the store, so that the
next runner goes on where a dead one stopped: what was under way is started again once, then it is lost.
"""

import logging
import os
import selectors
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from webhooks import checks
from webhooks.catalog import Kind, read_definition, show_duration
from webhooks.checks.job import RUN_MARK, CheckResult, Outcome, Target
from webhooks.checks.load import read_tick
from webhooks.runs.bell import Bell, hush
from webhooks.runs.changes import change
from webhooks.runs.child import Child, clear_folders
from webhooks.runs.families import end_marked
from webhooks.store.port import RunStore
from webhooks.store.records import CanaryName, Run, RunState

_log = logging.getLogger("penstock.runner")
_AT_ONCE = 16
_AT_ONCE_PER_CANARY = 4
_STARTS = 2
_GRACE_S = 5.0
_OWN_DEADLINE_GRACE_S = 1.0
_LOOK_S = 0.5
_POLL_S = 0.05
_IDLE_S = 1.0
_LOG_KEPT = 16 * 1024
_KEPT_S = 7 * 24 * 3600.0
_STATES = {
    Outcome.PASSED: RunState.PASSED,
    Outcome.FAILED: RunState.FAILED,
    Outcome.INCONCLUSIVE: RunState.INCONCLUSIVE,
}


class Runner:
    """Run tests until told to stop; `step` does a little and returns."""

    def __init__(self, runs: RunStore, bell: Bell, now: Callable[[], float], environ: Mapping[str, str]) -> None:
        self._runs = runs
        self._now = now
        self._environ = environ
        self._owner = uuid.uuid4().hex
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._bell = bell.listen()
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._look_at = 0.0

    def take_over(self) -> None:
        """Take what a dead runner left: end its processes, queue its runs again once, give up on the others."""
        self._runs.prune(self._now() - _KEPT_S)
        for run in self._runs.select({RunState.RUNNING}):
            end_marked(f"{RUN_MARK}={run.id}")
            clear_folders(run.id)
            change(self._runs, run.id, self._inherit)

    def _inherit(self, run: Run) -> Run | None:
        if run.state is not RunState.RUNNING or run.owner == self._owner:
            return None
        if run.cancel:
            return self._ended(run, RunState.CANCELLED, run.cancel)
        if run.watch is None and run.starts >= _STARTS:
            return self._ended(run, RunState.LOST, f"its runner died {run.starts} times under way; not tried again")
        watch = None if run.watch is None else replace(run.watch, judged="")
        return replace(run, state=RunState.QUEUED, owner="", report="", watch=watch)

    def step(self) -> None:
        """Wait a little for something to do, and do it."""
        self._listen(_POLL_S if self._children else _IDLE_S)
        for child in list(self._children.values()):
            self._report(child)
            if child.ended:
                self._finish(child)
        if self._now() >= self._look_at:
            self._look_at = self._now() + _LOOK_S
            self._look_after()
            self._claim()

    def close(self) -> None:
        """End every child; their runs stay as they are, for the next runner to take over."""
        for child in self._children.values():
            child.close()
            child.clear()
        self._children.clear()
        self._selector.close()
        os.close(self._bell)

    def _listen(self, patience_s: float) -> None:
        for key, _ in self._selector.select(patience_s):
            output = key.data
            if output is None:
                hush(self._bell)
                self._look_at = 0.0
                continue
            output.take()
            if not output.open:
                self._selector.unregister(output.descriptor)

    def _claim(self) -> None:
        busy: Counter[CanaryName] = Counter(child.run.order.canary for child in self._children.values())
        for run in self._runs.select({RunState.QUEUED}):
            if run.cancel:
                change(self._runs, run.id, self._cancel_queued)
            elif len(self._children) < _AT_ONCE and busy[run.order.canary] < _AT_ONCE_PER_CANARY:
                busy[run.order.canary] += 1
                self._begin(run)

    def _cancel_queued(self, run: Run) -> Run | None:
        return self._ended(run, RunState.CANCELLED, run.cancel) if run.state is RunState.QUEUED else None

    def _begin(self, run: Run) -> None:
        started = replace(run, state=RunState.RUNNING, owner=self._owner, starts=run.starts + 1, started_at=self._now())
        claimed = self._runs.save(started)
        if claimed is not None:
            self._spawn(claimed, 1)

    def _spawn(self, run: Run, attempt: int) -> None:
        order = run.order
        try:
            test = read_definition(order.test, order.definition)
            job = checks.prepare(test, Target(order.target, order.connect), order.parameters)
            child = Child(run, test, job, self._environ)
        except (OSError, ValueError, LookupError, TypeError) as error:
            result = CheckResult(Outcome.INCONCLUSIVE, f"could not be started ({error})")
            self._save_end(run, _STATES[result.outcome], result.reason)
            return
        child.attempt = attempt
        # An http check keeps the deadline itself and can then say which request was late.
        child.overdue_at = self._now() + test.timeout_s + (_OWN_DEADLINE_GRACE_S if test.kind is Kind.HTTP else 0.0)
        self._children[run.id] = child
        for output in child.outputs:
            self._selector.register(output.descriptor, selectors.EVENT_READ, output)

    def _report(self, child: Child) -> None:
        if child.test.kind is not Kind.LOAD:
            return
        report = read_tick(child.outputs[0].last_line())
        if report and report != child.run.report:
            child.run = replace(child.run, report=report)
            change(self._runs, child.run.id, lambda run: replace(run, report=report) if self._owns(run) else None)

    def _owns(self, run: Run) -> bool:
        return run.state is RunState.RUNNING and run.owner == self._owner

    def _look_after(self) -> None:
        for child in list(self._children.values()):
            run = self._runs.find(child.run.id)
            if run is None or not self._owns(run):
                self._drop(child)
                continue
            if not child.kill_at:
                self._end_overdue(child, run)
            elif self._now() >= child.kill_at:
                child.kill()

    def _end_overdue(self, child: Child, run: Run) -> None:
        reason = run.cancel
        if run.watch is not None and self._now() >= run.watch.lease_until:
            reason = f"nobody asked for it since {show_duration(self._now() - run.watch.called_at)}"
        if self._now() >= child.overdue_at:
            reason = f"did not end within {show_duration(child.test.timeout_s)}"
        if reason:
            # Load gets time for the requests that are under way; a test that is late has nothing more to say.
            child.kill_at = self._now() + (_GRACE_S if child.test.kind is Kind.LOAD else 0.0)
            child.stop(reason)

    def _finish(self, child: Child) -> None:
        self._forget(child)
        ended = child.close()
        self._report(child)
        result = checks.read(child.test, ended)
        child.clear()
        run = self._runs.find(child.run.id) or child.run
        log = f"{ended.stdout[-_LOG_KEPT // 2 :]}{ended.stderr[-_LOG_KEPT // 2 :]}"
        if run.cancel:
            self._save_end(run, RunState.CANCELLED, run.cancel, log)
        elif child.stop_reason and run.watch is None:
            late = RunState.INCONCLUSIVE if child.test.kind is Kind.LOAD else RunState.FAILED
            self._save_end(run, late, child.stop_reason, log)
        elif result.outcome is not Outcome.PASSED and child.attempt < child.test.attempts:
            self._spawn(run, child.attempt + 1)
        else:
            tries = f" (attempt {child.attempt} of {child.test.attempts})" if child.attempt > 1 else ""
            self._save_end(run, _STATES[result.outcome], result.reason + tries, log)

    def _forget(self, child: Child) -> None:
        del self._children[child.run.id]
        for output in child.outputs:
            if output.open:
                self._selector.unregister(output.descriptor)

    def _drop(self, child: Child) -> None:
        self._forget(child)
        child.close()
        child.clear()

    def _save_end(self, run: Run, state: RunState, reason: str, log: str = "") -> None:
        _log.info(
            "run ended canary=%s test=%s state=%s reason=%r", run.order.canary, run.order.test, state.value, reason
        )
        change(self._runs, run.id, lambda now: self._ended(now, state, reason, log) if self._owns(now) else None)

    def _ended(self, run: Run, state: RunState, reason: str, log: str = "") -> Run:
        # A cancelled run answers nobody, so it must not stand in the way of the next equal call.
        stands = run.standing and state is not RunState.CANCELLED
        return replace(run, state=state, reason=reason, log=log, ended_at=self._now(), standing=stands)
