"""Answer for nodes of workflows by runs: start what is new, join what stands, try again what met trouble.

The rule to keep: nothing is remembered here. A run is found by the node it belongs to, so that a call that comes twice,
at once, or after a restart gets the answer of the first.
"""

from dataclasses import dataclass
from functools import lru_cache

from webhooks.errors import StoreError
from webhooks.hooks import HookService
from webhooks.store.records import Run, RunQuery, RunState
from workflows.errors import ConfigurationError
from workflows.plugin.answers import Answer, NodePhase
from workflows.plugin.calls import read_call
from workflows.plugin.endings import Ending, read_stage, read_test
from workflows.plugin.orders import Task, read_task
from workflows.plugin.settings import PluginSettings

_SOON_S, _LATER_S = 1, 10
_PATIENCE_SHARE = 0.1
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0
_LINE, _TAIL = 400, 4096


@lru_cache(maxsize=128)
def _read(body: bytes, settings: PluginSettings) -> Task | None:
    """Read a call; the agent sends the same one again until its node has ended."""
    call = read_call(body)
    return None if call is None else read_task(call, settings)


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold the service whose runs do the work, and what every stage gets."""

    service: HookService
    settings: PluginSettings

    def answer(self, body: bytes) -> Answer | None:
        """Answer one call of the agent, None for a template that is not ours; never waits."""
        try:
            task = _read(body, self.settings)
            return None if task is None else self._attend(task)
        except ConfigurationError as error:
            return Answer(NodePhase.ERROR, str(error))
        except StoreError as error:
            return Answer(NodePhase.PENDING, f"the store of runs: {error}", _LATER_S)

    def _attend(self, task: Task) -> Answer:
        run = self._find(task) or self._start(task)
        if not run.state.ended:
            return self._tell_progress(task, run)
        ending = read_stage(run, task.report_url) if task.is_stage else read_test(run)
        if ending.phase is None:
            return self._try_again(task, run, ending)
        return Answer(ending.phase, f"{task.title}: {ending.message}", 0, ending.outputs, ending.exit_code)

    def _find(self, task: Task) -> Run | None:
        found = self.service.runs.runs.page(RunQuery(task.owner, task.test, limit=1))
        return found[0] if found else None

    def _start(self, task: Task) -> Run:
        now = self.service.runs.now()
        return self.service.runs.start(task.order(now, 1, task.deadline.total_seconds()))

    def _tell_progress(self, task: Task, run: Run) -> Answer:
        now = self.service.runs.now()
        if run.state is RunState.QUEUED:
            return Answer(NodePhase.PENDING, f"{task.title}: waits for its turn", _SOON_S)
        patience_s = min(_LATER_S, max(_SOON_S, int((now - run.started_at) * _PATIENCE_SHARE)))
        return Answer(NodePhase.RUNNING, f"{task.title}: {self._read_last_line(run) or 'under way'}", patience_s)

    def _read_last_line(self, run: Run) -> str:
        logs = self.service.store.logs
        size = logs.size(run.id)
        lines = logs.read(run.id, max(0, size - _TAIL), _TAIL).decode(errors="replace").splitlines() if size else []
        return lines[-1][:_LINE] if lines else ""

    def _try_again(self, task: Task, run: Run, ending: Ending) -> Answer:
        """Order the next try once the pause after the last one is over, until the deadline."""
        kept, now = run.order.parameters, self.service.runs.now()
        began, tries = float(kept["began"]), int(kept["tries"])
        left_s = began + task.deadline.total_seconds() - now
        if left_s <= 0:
            return Answer(NodePhase.FAILED, f"{task.title}: not done within {task.deadline}: {ending.message}")
        pause_s = run.ended_at + min(_FIRST_PAUSE_S * 2 ** min(tries - 1, 10), _LONGEST_PAUSE_S) - now
        if pause_s <= 0:
            self.service.runs.retire(run)
            self.service.runs.start(task.order(began, tries + 1, max(left_s, 1.0)))
        requeue_s = max(_SOON_S, round(min(pause_s, _LATER_S)))
        return Answer(NodePhase.PENDING, f"{task.title}: try {tries} met trouble: {ending.message}", requeue_s)
