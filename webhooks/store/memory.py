"""Keep everything in this process: for tests, and for a service that may forget."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from threading import Lock

from webhooks.store.port import EpochStore, EventStore, GateStore, LogStore, ReleaseStore, ReportStore, RunStore
from webhooks.store.records import EVERY_EPOCH, CanaryName, Epoch, Gate, HookEvent, Run, RunQuery, RunState
from webhooks.store.releases import MOST_REPORTS, Release, ReleaseQuery, Report, ReportKind

_EVENTS_KEPT = 1000

_Key = tuple[CanaryName, str]


class MemoryStore:
    """Keep everything in dictionaries, each part under a lock of its own."""

    runs: RunStore
    logs: LogStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore
    releases: ReleaseStore
    reports: ReportStore

    def __init__(self) -> None:
        logs: dict[str, bytes] = {}
        self.runs = _MemoryRuns(logs)
        self.logs = _MemoryLogs(logs)
        self.gates = _MemoryGates()
        self.epochs = _MemoryEpochs()
        self.events = _MemoryEvents()
        told: dict[_Key, dict[int, Report]] = {}
        journals: dict[_Key, bytes] = {}
        self.releases = _MemoryReleases(told, journals)
        self.reports = _MemoryReports(told, journals)

    def probe(self) -> None:
        """Do nothing: memory is always there."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class _MemoryRuns:
    def __init__(self, logs: dict[str, bytes]) -> None:
        self._lock = Lock()
        self._logs = logs
        self._runs: dict[str, Run] = {}

    def join(self, run: Run) -> Run:
        with self._lock:
            key = run.order.key
            standing = next((old for old in self._runs.values() if old.standing and old.order.key == key), None)
            if standing is None:
                standing = self._runs[run.id] = run
            return standing

    def find(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    def select(self, states: Collection[RunState]) -> tuple[Run, ...]:
        with self._lock:
            found = [run for run in self._runs.values() if run.state in states]
        return tuple(sorted(found, key=_moment))

    def save(self, run: Run) -> Run | None:
        with self._lock:
            old = self._runs.get(run.id)
            if old is None or old.version != run.version:
                return None
            saved = self._runs[run.id] = replace(run, version=run.version + 1)
            return saved

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        with self._lock:
            found = [run for run in self._runs.values() if _is_asked_for(run, query)]
        return tuple(sorted(found, key=_moment, reverse=True)[: query.limit])

    def prune(self, before: float, keep: int) -> None:
        with self._lock:
            ended = sorted((run for run in self._runs.values() if run.state.ended), key=lambda run: -run.ended_at)
            for place, run in enumerate(ended):
                if place >= keep or run.ended_at < before:
                    del self._runs[run.id]
                    self._logs.pop(run.id, None)


def _moment(run: Run) -> tuple[float, str]:
    return run.created_at, run.id


def _is_asked_for(run: Run, query: RunQuery) -> bool:
    return (
        query.canary in {None, run.order.canary}
        and query.test in {"", run.order.test}
        and query.state in {None, run.state}
        and (query.before is None or _moment(run) < query.before)
    )


class _MemoryLogs:
    def __init__(self, logs: dict[str, bytes]) -> None:
        self._logs = logs

    def append(self, run_id: str, content: bytes, limit: int) -> int:
        self._logs[run_id] = (self._logs.get(run_id, b"") + content)[:limit]
        return len(self._logs[run_id])

    def read(self, run_id: str, start: int = 0, most: int = 1 << 20) -> bytes:
        return self._logs.get(run_id, b"")[start : start + most]

    def size(self, run_id: str) -> int:
        return len(self._logs.get(run_id, b""))


class _MemoryGates:
    def __init__(self) -> None:
        self._lock = Lock()
        self._changes: list[Gate] = []

    def find(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        with self._lock:
            return self._last(canary, gate, epoch)

    def _last(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        wanted = (canary, gate, epoch)
        return next((one for one in reversed(self._changes) if (one.canary, one.gate, one.epoch) == wanted), None)

    def change(
        self, canary: CanaryName, gate: str, epoch: int, decide: Callable[[Gate | None], Gate | None]
    ) -> Gate | None:
        with self._lock:
            last = self._last(canary, gate, epoch)
            decided = decide(last)
            if decided is not None:
                self._changes.append(decided)
            return decided or last

    def select(self, canary: CanaryName | None = None) -> tuple[Gate, ...]:
        with self._lock:
            asked = [gate for gate in self._changes if canary in {None, gate.canary}]
        last = {(gate.canary, gate.epoch, gate.gate): gate for gate in asked}
        newest: dict[CanaryName, int] = {}
        for name, epoch, _ in last:
            newest[name] = max(epoch, newest.get(name, EVERY_EPOCH))
        return tuple(gate for key, gate in sorted(last.items()) if key[1] in {EVERY_EPOCH, newest[key[0]]})

    def history(self, canary: CanaryName) -> tuple[Gate, ...]:
        with self._lock:
            return tuple(gate for gate in self._changes if gate.canary == canary)

    def newest_change(self, canary: CanaryName | None = None) -> int:
        with self._lock:
            return sum(canary in {None, gate.canary} for gate in self._changes)


class _MemoryEpochs:
    def __init__(self) -> None:
        self._lock = Lock()
        self._latest: dict[CanaryName, Epoch] = {}

    def latest(self, canary: CanaryName) -> Epoch | None:
        return self._latest.get(canary)

    def advance(self, canary: CanaryName, decide: Callable[[Epoch | None], Epoch]) -> Epoch:
        with self._lock:
            decided = self._latest[canary] = decide(self._latest.get(canary))
            return decided


class _MemoryEvents:
    def __init__(self) -> None:
        self._lock = Lock()
        self._events: dict[CanaryName, deque[HookEvent]] = {}

    def add(self, event: HookEvent) -> None:
        with self._lock:
            self._events.setdefault(event.canary, deque(maxlen=_EVENTS_KEPT)).append(event)

    def select(self, canary: CanaryName) -> tuple[HookEvent, ...]:
        with self._lock:
            return tuple(self._events.get(canary, ()))


class _MemoryReleases:
    def __init__(self, told: dict[_Key, dict[int, Report]], journals: dict[_Key, bytes]) -> None:
        self._lock = Lock()
        self._releases: dict[_Key, Release] = {}
        self._told = told
        self._journals = journals

    def find(self, canary: CanaryName, release_id: str) -> Release | None:
        return self._releases.get((canary, release_id))

    def change(
        self, canary: CanaryName, release_id: str, decide: Callable[[Release | None], Release | None]
    ) -> Release | None:
        with self._lock:
            last = self._releases.get((canary, release_id))
            decided = decide(last)
            if decided is not None:
                self._releases[canary, release_id] = decided
            return decided or last

    def page(self, query: ReleaseQuery) -> tuple[Release, ...]:
        with self._lock:
            found = [
                release
                for release in self._releases.values()
                if query.namespace in {"", release.canary.namespace}
                and query.canary in {None, release.canary}
                and (query.before is None or release.place < query.before)
            ]
        return tuple(sorted(found, key=lambda release: release.place, reverse=True)[: query.limit])

    def forget(self, canary: CanaryName, release_id: str) -> None:
        for kept in (self._releases, self._told, self._journals):
            kept.pop((canary, release_id), None)

    def prune(self, before: float, keep: int) -> None:
        with self._lock:
            all_of_them = list(self._releases.values())
        ended = sorted((one for one in all_of_them if not one.under_way), key=lambda one: -one.began_at)
        for release in {*ended[keep:], *(one for one in all_of_them if one.heard_at < before)}:
            self.forget(release.canary, release.id)


class _MemoryReports:
    def __init__(self, told: dict[_Key, dict[int, Report]], journals: dict[_Key, bytes]) -> None:
        self._lock = Lock()
        self._told = told
        self._journals = journals

    def add(self, canary: CanaryName, release_id: str, reports: Sequence[Report]) -> int:
        with self._lock:
            kept = self._told.setdefault((canary, release_id), {})
            new = {report.sequence: report for report in reports if report.sequence not in kept}
            kept |= new
            for sequence in sorted(kept)[:-MOST_REPORTS]:
                del kept[sequence]
            return len(new)

    def select(self, canary: CanaryName, release_id: str, after: int = 0, limit: int = 500) -> tuple[Report, ...]:
        with self._lock:
            kept = dict(self._told.get((canary, release_id), {}))
        return tuple(kept[sequence] for sequence in sorted(kept) if sequence > after)[:limit]

    def newest(self, canary: CanaryName, release_id: str, kind: ReportKind, limit: int) -> tuple[Report, ...]:
        with self._lock:
            kept = dict(self._told.get((canary, release_id), {}))
        return tuple(kept[place] for place in sorted(kept, reverse=True) if kept[place].kind is kind)[:limit]

    def keep_journal(self, canary: CanaryName, release_id: str, content: bytes) -> None:
        self._journals[canary, release_id] = content

    def measure_journal(self, canary: CanaryName, release_id: str) -> int:
        return len(self._journals.get((canary, release_id), b""))

    def read_journal(self, canary: CanaryName, release_id: str) -> bytes | None:
        return self._journals.get((canary, release_id))
