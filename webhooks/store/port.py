"""Say what the service needs of a store, in the fewest methods.

Every write is atomic and durable once the call returns; every method may raise StoreError.
Each adapter passes the one suite in tests/webhooks/test_store.py.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from webhooks.store.records import CanaryName, Epoch, Gate, HookEvent, Run, RunQuery, RunState
from webhooks.store.releases import Release, ReleaseQuery, Report, ReportKind


class RunWork(Protocol):
    """Keep runs, as far as a runner needs it."""

    def find(self, run_id: str) -> Run | None:
        """Give a run by its id."""
        ...

    def select(self, states: Collection[RunState]) -> tuple[Run, ...]:
        """List the runs in these states, oldest first."""
        ...

    def save(self, run: Run) -> Run | None:
        """Keep a changed run and give it with its new version; None when somebody else changed it meanwhile."""
        ...

    def prune(self, before: float, keep: int) -> None:
        """Forget the runs that ended before a time, and all but the newest `keep` of those that ended."""
        ...


class RunStore(RunWork, Protocol):
    """Keep runs."""

    def join(self, run: Run) -> Run:
        """Keep the run unless one with its key is standing; give the one that stands."""
        ...

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """List the runs that a query is about, newest first."""
        ...


class LogWork(Protocol):
    """Keep what tests write, as far as a runner needs it."""

    def append(self, run_id: str, content: bytes, limit: int) -> int:
        """Add to the log of a run until `limit` bytes are kept; gives how many are now."""
        ...


class LogStore(LogWork, Protocol):
    """Keep what tests write, as long as their runs."""

    def read(self, run_id: str, start: int = 0, most: int = 1 << 20) -> bytes:
        """Give the log from a byte on, at most so many bytes."""
        ...

    def size(self, run_id: str) -> int:
        """Give how many bytes the log has."""
        ...


class WorkStore(Protocol):
    """Keep what a runner needs, wherever it stands."""

    @property
    def runs(self) -> RunWork:
        """Give the runs."""
        ...

    @property
    def logs(self) -> LogWork:
        """Give the logs."""
        ...


class GateStore(Protocol):
    """Keep gates and every change of them."""

    def find(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        """Give the last word on a gate."""
        ...

    def change(
        self, canary: CanaryName, gate: str, epoch: int, decide: Callable[[Gate | None], Gate | None]
    ) -> Gate | None:
        """Keep what `decide` makes of the last word, alone among all callers; None from it changes nothing.

        Gives the last word as it is then; the older ones stay in the history.
        """
        ...

    def select(self, canary: CanaryName | None = None) -> tuple[Gate, ...]:
        """List the last words on the gates of a canary, or of all: its newest epoch, and those of every epoch."""
        ...

    def history(self, canary: CanaryName) -> tuple[Gate, ...]:
        """List every change of a canary's gates, oldest first."""
        ...

    def newest_change(self, canary: CanaryName | None = None) -> int:
        """Give a number that grows with every change of a canary's gates, or of all; 0 where there is none."""
        ...


class EpochStore(Protocol):
    """Keep which analysis of which canary is under way."""

    def latest(self, canary: CanaryName) -> Epoch | None:
        """Give the last epoch, ended or not."""
        ...

    def advance(self, canary: CanaryName, decide: Callable[[Epoch | None], Epoch]) -> Epoch:
        """Replace the last epoch by what `decide` makes of it, or add the next; alone among all callers."""
        ...


class EventStore(Protocol):
    """Keep events."""

    def add(self, event: HookEvent) -> None:
        """Keep an event; only the newest thousand of a canary stay."""
        ...

    def select(self, canary: CanaryName) -> tuple[HookEvent, ...]:
        """List a canary's events, oldest first."""
        ...


class ReleaseStore(Protocol):
    """Keep releases."""

    def find(self, canary: CanaryName, release_id: str) -> Release | None:
        """Give a release by its id."""
        ...

    def change(
        self, canary: CanaryName, release_id: str, decide: Callable[[Release | None], Release | None]
    ) -> Release | None:
        """Keep what `decide` makes of the release, alone among all callers; None from it changes nothing.

        Gives the release as it is then.
        """
        ...

    def page(self, query: ReleaseQuery) -> tuple[Release, ...]:
        """List the releases that a query is about: those under way first, then the newest."""
        ...

    def forget(self, canary: CanaryName, release_id: str) -> None:
        """Forget a release with its reports and its journal."""
        ...

    def prune(self, before: float, keep: int) -> None:
        """Forget what was last heard of before a time, and all but the newest `keep` of those that ended."""
        ...


class ReportStore(Protocol):
    """Keep what was reported of releases, as long as these."""

    def add(self, canary: CanaryName, release_id: str, reports: Sequence[Report]) -> int:
        """Keep those that are not there yet and tell how many were not; only the newest stay."""
        ...

    def select(self, canary: CanaryName, release_id: str, after: int = 0, limit: int = 500) -> tuple[Report, ...]:
        """List the reports that follow a sequence, in their order."""
        ...

    def newest(self, canary: CanaryName, release_id: str, kind: ReportKind, limit: int) -> tuple[Report, ...]:
        """List the newest reports of one kind, the newest first."""
        ...

    def keep_journal(self, canary: CanaryName, release_id: str, content: bytes) -> None:
        """Keep the journal of a release in place of the one before."""
        ...

    def measure_journal(self, canary: CanaryName, release_id: str) -> int:
        """Count the bytes of the journal of a release, 0 where none was kept."""
        ...

    def read_journal(self, canary: CanaryName, release_id: str) -> bytes | None:
        """Give the journal of a release, None where none was kept."""
        ...


class Store(Protocol):
    """Keep everything."""

    runs: RunStore
    logs: LogStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore
    releases: ReleaseStore
    reports: ReportStore

    def probe(self) -> None:
        """Do nothing when the store can be reached."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
