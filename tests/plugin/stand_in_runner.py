"""Run stages in the test's own thread, where the service has its runner: what takes a process there is a call here.

Only the child is left out: runs are claimed, read and ended as the runner does.
"""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

from webhooks import checks
from webhooks.catalog import read_definition
from webhooks.checks.job import Ended, Outcome
from webhooks.hooks import HookService
from webhooks.runs.leases import end_run
from webhooks.store.records import Run, RunState
from workflows.cli import main

_STATES = {Outcome.PASSED: RunState.PASSED, Outcome.FAILED: RunState.FAILED}


@dataclass
class StandInRunner:
    """Performs queued runs; `done` lists the stages in the order in which they were run."""

    service: HookService
    done: list[str] = field(default_factory=list)

    def step(self) -> None:
        """Run what is queued."""
        runs = self.service.runs.runs
        for run in runs.select([RunState.QUEUED]):
            claimed = runs.save(replace(run, state=RunState.RUNNING, started_at=self.service.runs.now()))
            assert claimed
            self._perform(claimed)

    def _perform(self, run: Run) -> None:
        test = read_definition(run.order.test, run.order.definition)
        words = list(test.spec.argv[3:])  # type: ignore[union-attr] # a command
        self.done.append(" ".join(word for word in words[1:3] if not word.startswith("--")))
        said, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            code = _call(words)
        ended = Ended(code, said.getvalue(), complained.getvalue(), Path("/nowhere"))
        result = checks.read(test, ended)
        now = self.service.runs.now()
        last = replace(run, log=ended.stdout + ended.stderr)
        assert self.service.runs.runs.save(end_run(last, _STATES[result.outcome], result.reason, now))


def _call(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
