"""Bring what tests write into the store while they run, a piece at a time, so that people can follow it."""

from collections.abc import Callable
from dataclasses import dataclass

from webhooks.catalog import Kind
from webhooks.checks.job import CheckResult, Ended
from webhooks.runs.child import Child
from webhooks.store.port import LogWork

_TAIL = 16 * 1024
_PAUSE_S = 1.0
_FULL = b"\n[the log is full; what follows is not kept]\n"


@dataclass(frozen=True, slots=True)
class Finished:
    """Carry a child that has ended and what came of it, until the store knows."""

    child: Child
    ended: Ended
    result: CheckResult

    @property
    def log(self) -> str:
        """Give the end of what it wrote, secrets hidden."""
        stdout = self.child.mask.hide(self.ended.stdout)
        return f"{stdout[-_TAIL // 2 :]}{self.ended.stderr[-_TAIL // 2 :]}"

    @property
    def report(self) -> str:
        """Give its tests by name (JSON), secrets hidden."""
        return self.child.mask.hide_json(self.result.report)


class RunLogs:
    """Move output from children to the store, at most `limit` bytes a run."""

    def __init__(self, logs: LogWork, now: Callable[[], float], limit: int) -> None:
        self._logs = logs
        self._now = now
        self._limit = limit
        self._kept: dict[str, int] = {}
        self._take_at: dict[str, float] = {}

    def take(self, child: Child, *, whole: bool = False) -> None:
        """Move what a child has written since the last time; a live one is asked only now and then."""
        run_id = child.run.id
        if not whole and self._now() < self._take_at.get(run_id, 0.0):
            return
        self._take_at[run_id] = self._now() + _PAUSE_S
        # What a load writes to stdout is for us: a report each second.
        for output in child.outputs[1:] if child.test.kind is Kind.LOAD else child.outputs:
            self._move(run_id, output.fresh)
            output.fresh.clear()
        if whole:
            self._take_at.pop(run_id, None)
            self._kept.pop(run_id, None)

    def _move(self, run_id: str, fresh: bytearray) -> None:
        if not fresh or self._kept.get(run_id, 0) >= self._limit:
            return
        room = self._limit - len(_FULL)
        kept = self._logs.append(run_id, bytes(fresh), room)
        if kept >= room:
            kept = self._logs.append(run_id, _FULL, self._limit)
        self._kept[run_id] = kept
