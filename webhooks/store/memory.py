"""Keep everything in this process: for tests, and for a service that may forget."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from threading import Lock

from webhooks.store.port import EpochStore, EventStore, GateStore, LogStore, RunStore
from webhooks.store.records import EVERY_EPOCH, CanaryName, Epoch, Gate, HookEvent, Run, RunQuery, RunState

_EVENTS_KEPT = 1000


class MemoryStore:
    """Keep everything in dictionaries, each part under a lock of its own."""

    runs: RunStore
    logs: LogStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore

    def __init__(self) -> None:
        logs: dict[str, bytes] = {}
        self.runs = _MemoryRuns(logs)
        self.logs = _MemoryLogs(logs)
        self.gates = _MemoryGates()
        self.epochs = _MemoryEpochs()
        self.events = _MemoryEvents()

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
