"""Know whose a run is: claim it, show that its owner lives, and take over what a dead owner left.

An owner is one runner process at one place (a data folder). A place has one runner at a time, so a new runner knows at
once that the one before it is dead; of runners elsewhere it knows only that their leases ran out.
"""

import uuid
from collections.abc import Callable, Collection
from dataclasses import replace

from webhooks.catalog import Kind
from webhooks.checks.job import RUN_MARK
from webhooks.runs.changes import change
from webhooks.runs.child import clear_folders
from webhooks.runs.families import end_marked
from webhooks.store.port import RunWork
from webhooks.store.records import Run, RunState

_STARTS = 2
_RENEWALS = 3
_NEVER_AGAIN = frozenset({Kind.COMMAND.value})


class Leases:
    """Hold runs for one runner; `held_until` is when others may take them."""

    def __init__(self, runs: RunWork, now: Callable[[], float], place: str, lease_s: float) -> None:
        self._runs = runs
        self._now = now
        self._place = place
        self._owner = f"{place}/{uuid.uuid4().hex}"
        self._lease_s = lease_s
        self._renew_at = 0.0
        self.held_until = now() + lease_s

    def holds(self, run: Run) -> bool:
        """Tell whether a run is under way here."""
        return run.state is RunState.RUNNING and run.owner == self._owner

    def claim(self, run: Run) -> Run | None:
        """Take a queued run; None when somebody else was faster."""
        now = self._now()
        claimed = replace(
            run,
            state=RunState.RUNNING,
            owner=self._owner,
            starts=run.starts + 1,
            started_at=now,
            lease_until=now + self._lease_s,
        )
        return self._runs.save(claimed)

    def renew(self, run_ids: Collection[str]) -> None:
        """Show that the owner of these runs lives, a few times in each lease."""
        now = self._now()
        if now < self._renew_at:
            return
        until = now + self._lease_s
        for run_id in run_ids:
            change(self._runs, run_id, lambda run: replace(run, lease_until=until) if self.holds(run) else None)
        self._renew_at = now + self._lease_s / _RENEWALS
        self.held_until = until

    def take_over(self, run_ids: Collection[str]) -> None:
        """Take what dead runners left: end its processes here, queue it again once or give it up.

        `run_ids` are those under way here, which are nobody else's to take.
        """
        for run in self._runs.select({RunState.RUNNING}):
            if self._is_abandoned(run, run_ids):
                end_marked(f"{RUN_MARK}={run.id}")
                clear_folders(run.id)
                change(self._runs, run.id, lambda now: self._inherit(now) if self._is_abandoned(now, run_ids) else None)

    def hand_over(self, run_ids: Collection[str]) -> None:
        """Give back what is under way here, because the runner is asked to stop; it does not count as a start."""
        for run_id in run_ids:
            change(self._runs, run_id, lambda run: self._give_back(run) if self.holds(run) else None)

    def _give_back(self, run: Run) -> Run:
        if run.cancel:
            return end_run(run, RunState.CANCELLED, run.cancel, self._now())
        if run.order.kind in _NEVER_AGAIN:
            return end_run(run, RunState.LOST, "its runner was stopped under way; not tried again", self._now())
        return _queued_again(replace(run, starts=run.starts - 1))

    def _is_abandoned(self, run: Run, run_ids: Collection[str]) -> bool:
        if run.state is not RunState.RUNNING or (run.owner == self._owner and run.id in run_ids):
            return False
        return run.owner.startswith(f"{self._place}/") or self._now() >= run.lease_until

    def _inherit(self, run: Run) -> Run:
        if run.cancel:
            return end_run(run, RunState.CANCELLED, run.cancel, self._now())
        if run.watch is None and (run.starts >= _STARTS or run.order.kind in _NEVER_AGAIN):
            times = "1 time" if run.starts == 1 else f"{run.starts} times"
            reason = f"its runner died {times} under way; not tried again"
            return end_run(run, RunState.LOST, reason, self._now())
        return _queued_again(run)


def _queued_again(run: Run) -> Run:
    watch = None if run.watch is None else replace(run.watch, judged="")
    return replace(run, state=RunState.QUEUED, owner="", lease_until=0.0, report="", watch=watch)


def end_run(run: Run, state: RunState, reason: str, now: float) -> Run:
    """Give the run as it is once it has ended."""
    # A cancelled run answers nobody, so it must not stand in the way of the next equal call.
    stands = run.standing and state is not RunState.CANCELLED
    return replace(run, state=state, reason=reason, ended_at=now, standing=stands, lease_until=0.0)
