"""Keep everything in this process: for tests, and for a service that may forget."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from threading import Lock

from webhooks.store.port import EpochStore, EventStore, GateStore, RunStore
from webhooks.store.records import EVERY_EPOCH, CanaryName, Epoch, Gate, HookEvent, Run, RunState

_EVENTS_KEPT = 1000


class MemoryStore:
    """Keep everything in dictionaries, each part under a lock of its own."""

    runs: RunStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore

    def __init__(self) -> None:
        self.runs = _MemoryRuns()
        self.gates = _MemoryGates()
        self.epochs = _MemoryEpochs()
        self.events = _MemoryEvents()

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class _MemoryRuns:
    def __init__(self) -> None:
        self._lock = Lock()
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
        return tuple(sorted(found, key=lambda run: (run.created_at, run.id)))

    def save(self, run: Run) -> Run | None:
        with self._lock:
            old = self._runs.get(run.id)
            if old is None or old.version != run.version:
                return None
            saved = self._runs[run.id] = replace(run, version=run.version + 1)
            return saved

    def prune(self, before: float) -> None:
        with self._lock:
            self._runs = {
                key: run for key, run in self._runs.items() if not (run.state.ended and run.ended_at < before)
            }


class _MemoryGates:
    def __init__(self) -> None:
        self._lock = Lock()
        self._changes: list[Gate] = []

    def find(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        with self._lock:
            wanted = (canary, gate, epoch)
            return next((one for one in reversed(self._changes) if (one.canary, one.gate, one.epoch) == wanted), None)

    def put(self, gate: Gate) -> None:
        with self._lock:
            self._changes.append(gate)

    def select(self) -> tuple[Gate, ...]:
        with self._lock:
            last = {(gate.canary, gate.epoch, gate.gate): gate for gate in self._changes}
        newest: dict[CanaryName, int] = {}
        for canary, epoch, _ in last:
            newest[canary] = max(epoch, newest.get(canary, EVERY_EPOCH))
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
