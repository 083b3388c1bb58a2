"""Run a plan in an engine and come to a verdict: windows, early aborts, comparison, the document of it all."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from loadtester.errors import EngineError, ScriptError
from loadtester.plan import LoadPlan
from loadtester.plan_file import document_of
from loadtester.process.child import Ending, EngineProcess
from loadtester.process.team import Team
from loadtester.report import ErrorCount, LoadReport, RecentReports, Timeline
from loadtester.verdict import Difference, LoadOutcome, LoadVerdict, Threshold, compare, judge, parse_threshold

DOCUMENT_SCHEMA = "penstock.load-run/1"
"""The name and version of the JSON document that all reports are made of."""

CANARY, PRIMARY = "canary ", "primary "
"""What the names of a comparing run's arms start with."""

_BY_SCRIPT = (Ending.SCRIPT, Ending.STALLED, Ending.MEMORY)


class LoadRun:
    """Own one run from its start to its verdict; use it as a context."""

    def __init__(self, engine: EngineProcess | None = None) -> None:
        """Start the engine at once; it gets ready while the plan is still being read."""
        self._engine = engine or EngineProcess()
        self._team = Team()
        self._workers: list[EngineProcess] = []
        self._plan: LoadPlan | None = None
        self._thresholds: tuple[Threshold, ...] = ()
        self._timeline = Timeline()
        self._recent = RecentReports(0.0)
        self._started_at = 0.0
        self._tolerances: dict[str, float] = {}
        self._lost = 0
        self.aborted = ""

    def __enter__(self) -> Self:
        """Own the engine."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave nothing behind."""
        if self.ending.finished:
            for worker in self._workers:
                worker.join()
        for engine in (self._engine, *self._workers):
            engine.kill()

    def start(self, plan: LoadPlan, *, tick_s: float = 1.0, team: Team | None = None, **tolerances: float) -> None:
        """Tell the engine what to run; `tolerances` are `compare`'s."""
        self._plan = plan
        self._thresholds = tuple(parse_threshold(text) for text in plan.thresholds)
        self._recent = RecentReports(max((item.window_s for item in self._thresholds), default=0.0))
        self._tolerances = tolerances
        self._started_at = time.time()
        self._team = team or self._team
        if self._team.starts_workers:
            self._workers = [EngineProcess(lines=subprocess.DEVNULL) for _ in range(self._team.workers)]
            self._engine.on_ready = partial(self._order_workers, plan, tick_s)
        self._engine.order(plan, tick_s=tick_s, team=self._team)

    def _order_workers(self, plan: LoadPlan, tick_s: float, port: int) -> None:
        for worker in self._workers:
            worker.order(plan, tick_s=tick_s, team=self._team.worker_at(port))

    def reports(self) -> Iterator[LoadReport]:
        """Give each tick's cumulative report until the run has ended."""
        for report in self._engine.reports():
            self._note(report)
            self._lost = max(self._lost, sum(not worker.alive for worker in self._workers))
            yield report
            self._abort_when_lost(report)
        self._note(self._engine.report)

    def _note(self, report: LoadReport) -> None:
        self._timeline.add(report)
        self._recent.add(report)

    def cancel(self) -> None:
        """Stop the run: no new requests, a grace for those in flight; callable from a signal handler."""
        self._engine.cancel()

    def _abort_when_lost(self, report: LoadReport) -> None:
        due = [item for item in self._thresholds if item.abort_on_fail and report.elapsed_s >= item.delay_abort_s]
        if not due or self.aborted:
            return
        verdict = judge(due, self._judged_part(report), windows=self._windows())
        if verdict.outcome is LoadOutcome.FAILED:
            self.aborted = "; ".join(verdict.reasons)
            self.cancel()

    def _judged_part(self, report: LoadReport) -> LoadReport:
        return report.arm(CANARY) if self._plan is not None and self._plan.compare_with else report

    def _windows(self) -> dict[float, LoadReport]:
        lengths = {item.window_s for item in self._thresholds if item.window_s}
        return {length: self._judged_part(self._recent.last(length)) for length in lengths}

    @property
    def ending(self) -> Ending:
        """Give how the engine ended; an abort by a threshold is a complete run."""
        cancelled = self._engine.ending is Ending.CANCELLED
        return Ending.COMPLETE if cancelled and self.aborted else self._engine.ending

    @property
    def report(self) -> LoadReport:
        """Give the last report, with how the engine itself failed among its errors."""
        report = self._counted
        if self.ending.finished:
            return report
        error = ErrorCount("(engine)", self.ending.value, self._engine.reason, 1)
        return replace(report, errors=(*report.errors, error))

    @property
    def _counted(self) -> LoadReport:
        report = self._engine.report
        lost = max(report.health.workers_lost, self._lost)
        return replace(report, health=replace(report.health, workers_lost=lost))

    @property
    def comparison(self) -> tuple[Difference, ...]:
        """Give how the canary differs from the primary, empty for a plan with one target."""
        if self._plan is None or not self._plan.compare_with:
            return ()
        report = self._engine.report
        return compare(report.arm(CANARY), report.arm(PRIMARY), **self._tolerances)

    @property
    def verdict(self) -> LoadVerdict:
        """Judge the run as far as it went."""
        minimum = self._plan.minimum_requests if self._plan is not None else 1
        part = self._judged_part(self._counted)
        verdict = judge(self._thresholds, part, minimum_requests=minimum, windows=self._windows())
        verdict = _with_comparison(verdict, self.comparison)
        if self.aborted:
            return replace(verdict, outcome=LoadOutcome.FAILED, reasons=(f"aborted: {self.aborted}",))
        if self.ending.finished and not self._engine.reason:
            return verdict
        reasons = (f"{self.ending.value}: {self._engine.reason}", *verdict.reasons)
        return LoadVerdict(LoadOutcome.INCONCLUSIVE, reasons, verdict.results)

    @property
    def blames_script(self) -> bool:
        """Tell whether the user's own file is at fault."""
        return self.ending in _BY_SCRIPT or self._engine.report.health.script_errors > 0

    def document(self) -> dict[str, Any]:
        """Give the versioned JSON document that every report is made of."""
        return {
            "schema": DOCUMENT_SCHEMA,
            "started_at": round(self._started_at, 3),
            "ending": self.ending.value,
            "plan": {} if self._plan is None else document_of(self._plan),
            "verdict": self.verdict.to_dict(),
            "comparison": [item.to_dict() for item in self.comparison],
            "report": self.report.to_dict(),
            "timeline": [slot.to_dict() for slot in self._timeline.slots],
        }


def _with_comparison(verdict: LoadVerdict, differences: tuple[Difference, ...]) -> LoadVerdict:
    if verdict.outcome is not LoadOutcome.PASSED:
        return verdict
    for outcome in (LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE):
        reasons = tuple(item.reason for item in differences if item.outcome is outcome)
        if reasons:
            return LoadVerdict(outcome, reasons, verdict.results)
    return LoadVerdict(verdict.outcome, (*verdict.reasons, *(item.reason for item in differences)), verdict.results)


def run(plan: LoadPlan) -> LoadReport:
    """Run a plan to its end and give its report.

    Takes `plan.length_s` seconds and at most the time-out and grace more. Raises ScriptError when the plan's Locust
    file is at fault and EngineError when the engine failed; what the target did wrong stands in the report.
    """
    with LoadRun() as load:
        load.start(plan)
        for _ in load.reports():
            pass
        if load.ending in _BY_SCRIPT:
            raise ScriptError(load.verdict.reasons[0])
        if load.ending is Ending.DIED:
            raise EngineError(load.verdict.reasons[0])
        return load.report
