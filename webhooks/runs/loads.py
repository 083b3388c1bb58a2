"""Keep one load alive for as long as hooks ask for it, and judge it over the window since the last question.

A window of a few seconds that has seen too little grows until the next question; until then the last answer holds.
"""

from collections.abc import Callable
from dataclasses import replace

from webhooks.catalog import CatalogTest, LoadSpec
from webhooks.checks.job import CheckResult, Outcome
from webhooks.checks.load import judge_window, settle
from webhooks.runs.changes import change
from webhooks.runs.service import RunService
from webhooks.store.records import LoadWatch, Run, RunOrder, RunState

FIRST_LEASE_S = 180.0
"""How long a load goes on after the first call, when nobody can know yet how far apart the calls will be."""

_SHORTEST_LEASE_S = 15.0
_LEASE_SPACINGS = 3
_SAME_CALL_S = 1.0
_SHORTEST_WINDOW_S = 3.0


class LoadDesk:
    """Answer for the load of one order: start it, renew it, judge it."""

    def __init__(self, service: RunService) -> None:
        self._service = service

    def ask(self, order: RunOrder, test: CatalogTest) -> CheckResult:
        """Give the verdict since the last call, and keep the load going; the first call starts it and passes."""
        now = self._service.now()
        lease_s = (test.spec.lease_s if isinstance(test.spec, LoadSpec) else 0.0) or FIRST_LEASE_S
        fresh = LoadWatch(now + lease_s, now, now, verdict=Outcome.PASSED.value, reason="load started")
        run = self._service.start(order, fresh)
        if run.watch == fresh:
            return CheckResult(Outcome.PASSED, "load started")
        judged = change(self._service.runs, run.id, self._judge(test)) or run
        if judged.state.ended:
            self._go_on(judged, order, fresh)
        watch = judged.watch or fresh
        return CheckResult(Outcome(watch.verdict), watch.reason)

    def _go_on(self, run: Run, order: RunOrder, fresh: LoadWatch) -> None:
        # The load ended by itself: this call has its last window, the next call will find a new load.
        self._service.retire(run)
        self._service.start(order, fresh)

    def _judge(self, test: CatalogTest) -> Callable[[Run], Run | None]:
        def judge(run: Run) -> Run | None:
            now = self._service.now()
            watch = run.watch or LoadWatch(now, now, now)
            if _is_told(run, watch, now):
                return None
            lease_until = now + max(_LEASE_SPACINGS * (now - watch.called_at), _SHORTEST_LEASE_S)
            verdict = _verdict(test, run, watch)
            too_little = verdict.outcome is Outcome.INCONCLUSIVE and now - watch.judged_at < _SHORTEST_WINDOW_S
            if too_little and not run.state.ended:
                return replace(run, watch=replace(watch, lease_until=lease_until, called_at=now))
            told = settle(test, verdict)
            return replace(run, watch=LoadWatch(lease_until, now, now, run.report, told.outcome.value, told.reason))

        return judge


def _is_told(run: Run, watch: LoadWatch, now: float) -> bool:
    if run.state.ended:
        return watch.judged_at >= run.ended_at
    return now - watch.called_at < _SAME_CALL_S


def _verdict(test: CatalogTest, run: Run, watch: LoadWatch) -> CheckResult:
    if run.state is RunState.QUEUED:
        return CheckResult(Outcome.INCONCLUSIVE, "the load has not been started yet")
    if not run.report and run.state.ended:
        return CheckResult(Outcome.INCONCLUSIVE, run.reason)
    return judge_window(test, run.report, watch.judged)
