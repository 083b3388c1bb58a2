"""Run tests: claim queued runs from the store, start a child for each, and write down what comes of it.

One thread, one process, apart from those that serve HTTP. Everything it must remember is in the store, so that the
next runner goes on where a dead one stopped: what was under way is started again once, then it is lost.
"""

import contextlib
import logging
import os
import selectors
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from webhooks import checks
from webhooks.catalog import CatalogTest, Kind, read_definition, show_duration
from webhooks.checks.job import CheckResult, Ended, Job, Outcome, Target
from webhooks.checks.load import read_tick
from webhooks.checks.secrets import read_secrets
from webhooks.errors import SecretError, StoreError
from webhooks.runs.bell import Bell, hush
from webhooks.runs.changes import change
from webhooks.runs.child import Child
from webhooks.runs.leases import Leases, end_run
from webhooks.runs.limits import RunLimits
from webhooks.runs.logs import Finished, RunLogs
from webhooks.runs.users import Accounts
from webhooks.store.port import WorkStore
from webhooks.store.records import UNDER_WAY, CanaryName, Run, RunOrder, RunState
from webhooks.telemetry import logs, metrics

_log = logging.getLogger("penstock.runner")
_GRACE_S = 5.0
_OWN_DEADLINE_GRACE_S = 1.0
_LOOK_S = 0.5
_POLL_S = 0.05
_IDLE_S = 1.0
_PRUNE_S = 600.0
_DEFAULTS = RunLimits()
_STATES = {
    Outcome.PASSED: RunState.PASSED,
    Outcome.FAILED: RunState.FAILED,
    Outcome.INCONCLUSIVE: RunState.INCONCLUSIVE,
}


class Runner:
    """Run tests until told to stop; `step` does a little and returns."""

    def __init__(  # noqa: PLR0913 - a composition of parts; the last three have defaults
        self,
        store: WorkStore,
        bell: Bell,
        now: Callable[[], float],
        environ: Mapping[str, str],
        *,
        place: str = "",
        limits: RunLimits = _DEFAULTS,
        accounts: Accounts | None = None,
    ) -> None:
        self._runs = store.runs
        self._logs = RunLogs(store.logs, now, limits.log_bytes)
        self._now = now
        self._environ = environ
        self._limits = limits
        self._accounts = accounts or Accounts()
        self._leases = Leases(store.runs, now, place, limits.lease_s)
        self._children: dict[str, Child] = {}
        self._finished: dict[str, Finished] = {}
        self._prune_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._bell = bell.listen()
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._look_at = 0.0

    def step(self) -> None:
        """Wait a little for something to do, and do it."""
        self._listen(_POLL_S if self._children else _IDLE_S)
        for child in list(self._children.values()):
            self._report(child)
            if child.ended:
                self._finish(child)
        for finished in list(self._finished.values()):
            self._settle(finished)
        if self._now() >= self._look_at:
            self._look_at = self._now() + _LOOK_S
            self._look_after()
            self._leases.renew(self._under_way())
            self._leases.take_over(self._under_way())
            self._claim()
            self._forget_old()

    def _under_way(self) -> frozenset[str]:
        return frozenset(self._children) | frozenset(self._finished)

    def _forget_old(self) -> None:
        if self._now() >= self._prune_at:
            self._runs.prune(self._now() - self._limits.kept_s, self._limits.kept_runs)
            self._prune_at = self._now() + _PRUNE_S

    def surrender(self) -> None:
        """End what is under way when the store was away for so long that somebody else may have taken it over."""
        if self._now() >= self._leases.held_until:
            for child in list(self._children.values()):
                self._drop(child)

    def close(self) -> None:
        """End every child and hand their runs over; what the store does not take now, the next runner takes over."""
        with contextlib.suppress(StoreError):
            for finished in list(self._finished.values()):
                self._settle(finished)
        with contextlib.suppress(StoreError):
            self._leases.hand_over(self._children)
        for child in self._children.values():
            self._close(child)
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
        under_way = self._runs.select(UNDER_WAY)
        # Those of other replicas count too: the limit spares the canary, not the machine.
        busy: Counter[CanaryName] = Counter(run.order.canary for run in under_way if run.state is RunState.RUNNING)
        for run in (run for run in under_way if run.state is RunState.QUEUED):
            if run.cancel:
                change(self._runs, run.id, self._cancel_queued)
            elif (
                len(self._children) < self._limits.at_once and busy[run.order.canary] < self._limits.at_once_per_canary
            ):
                busy[run.order.canary] += 1
                self._begin(run)

    def _cancel_queued(self, run: Run) -> Run | None:
        return end_run(run, RunState.CANCELLED, run.cancel, self._now()) if run.state is RunState.QUEUED else None

    def _begin(self, run: Run) -> None:
        claimed = self._leases.claim(run)
        if claimed is not None:
            self._spawn(claimed, 1)

    def _spawn(self, run: Run, attempt: int) -> None:
        order = run.order
        try:
            test = read_definition(order.test, order.definition)
            secrets = read_secrets(test.secrets, self._environ)
            job = checks.prepare(test, _target_of(order), order.parameters, secrets)
            child = self._start(run, test, job)
        except (OSError, SecretError, ValueError, LookupError, TypeError) as error:
            result = CheckResult(Outcome.INCONCLUSIVE, f"could not be started ({error})")
            self._save_end(run, _STATES[result.outcome], result.reason)
            return
        child.attempt = attempt
        # An http check keeps the deadline itself and can then say which request was late.
        child.overdue_at = self._now() + test.timeout_s + (_OWN_DEADLINE_GRACE_S if test.kind is Kind.HTTP else 0.0)
        self._children[run.id] = child
        for output in child.outputs:
            self._selector.register(output.descriptor, selectors.EVENT_READ, output)

    def _start(self, run: Run, test: CatalogTest, job: Job) -> Child:
        # What owns a Kubernetes Job, and helm, speak for the service with its token; they run nobody's code here.
        account = None if test.in_cluster or test.kind is Kind.HELM_TEST else self._accounts.lend()
        try:
            return Child(run, test, job, self._environ, account)
        except OSError:
            self._accounts.take_back(account)
            raise

    def _report(self, child: Child) -> None:
        if child.test.kind is not Kind.LOAD:
            return
        report = child.mask.hide_json(read_tick(child.outputs[0].last_line()))
        if report and report != child.run.report:
            child.run = replace(child.run, report=report)
            change(
                self._runs, child.run.id, lambda run: replace(run, report=report) if self._leases.holds(run) else None
            )

    def _look_after(self) -> None:
        for child in list(self._children.values()):
            run = self._runs.find(child.run.id)
            if run is None or not self._leases.holds(run):
                self._drop(child)
                continue
            self._logs.take(child)
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
            child.kill_at = self._now() + (_GRACE_S if child.test.stops_gently else 0.0)
            child.stop(reason)

    def _finish(self, child: Child) -> None:
        self._forget(child)
        ended = self._close(child)
        # From here on the run is settled until the store has taken it, however often that is tried.
        result = checks.read(child.test, ended)
        hidden = replace(result, reason=child.mask.hide(result.reason))
        self._finished[child.run.id] = Finished(child, ended, hidden)

    def _settle(self, finished: Finished) -> None:
        child, result = finished.child, finished.result
        self._report(child)
        self._logs.take(child, whole=True)
        run = self._runs.find(child.run.id) or child.run
        if run.cancel:
            self._save_end(run, RunState.CANCELLED, run.cancel, finished)
        elif child.stop_reason and run.watch is None:
            late = RunState.INCONCLUSIVE if child.test.kind is Kind.LOAD else RunState.FAILED
            self._save_end(run, late, child.stop_reason, finished)
        elif result.outcome is not Outcome.PASSED and child.attempt < child.test.attempts:
            self._spawn(run, child.attempt + 1)
        else:
            tries = f" (attempt {child.attempt} of {child.test.attempts})" if child.attempt > 1 else ""
            self._save_end(run, _STATES[result.outcome], result.reason + tries, finished)
        del self._finished[run.id]
        child.clear()

    def _forget(self, child: Child) -> None:
        del self._children[child.run.id]
        for output in child.outputs:
            if output.open:
                self._selector.unregister(output.descriptor)

    def _close(self, child: Child) -> Ended:
        ended = child.close()
        self._accounts.take_back(child.account)
        return ended

    def _drop(self, child: Child) -> None:
        self._forget(child)
        self._close(child)
        child.clear()

    def _tell_end(self, run: Run, state: RunState, reason: str) -> None:
        order = run.order
        about = {"canary": str(order.canary), "hook": order.hook, "run": run.id, "test": order.test}
        logs.event(_log, "run ended", **about, state=state.value, reason=reason)
        metrics.RUNS_ENDED.labels(order.kind, state.value).inc()

    def _save_end(self, run: Run, state: RunState, reason: str, finished: Finished | None = None) -> None:
        self._tell_end(run, state, reason)
        log, report = ("", "") if finished is None else (finished.log, finished.report)

        def end(now: Run) -> Run | None:
            return (
                end_run(replace(now, log=log, report=report or now.report), state, reason, self._now())
                if self._leases.holds(now)
                else None
            )

        change(self._runs, run.id, end)


def _target_of(order: RunOrder) -> Target:
    return Target(order.target, order.connect, order.canary.name, order.canary.namespace)
