"""A death after every single write to the store, in the middle of runs and gates: whoever comes next goes on."""

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from tests.webhooks.bench import AD, AdService
from webhooks.catalog import CatalogFile
from webhooks.hooks import HookService
from webhooks.protocol import HookPayload, HookType
from webhooks.runs import Bell, RunService
from webhooks.runs.families import find_marked
from webhooks.runs.runner import Runner
from webhooks.settings import Settings
from webhooks.store.records import GateState, RunQuery, RunState
from webhooks.store.sql import SqlStore, locate

CATALOG = "tests: {suite: {kind: http, target: 'http://ad.weather:3003', requests: [{path: /ad}]}}"
WRITES = frozenset({"join", "save", "append", "change", "advance", "add", "prune"})
PATIENCE_S = 30.0


class DeadError(BaseException):
    """End a process of the service, as SIGKILL would: nothing of ours handles it."""


class MortalPart:
    """Pass everything on to a part of a store, and die after a write."""

    def __init__(self, part: object, note_write: Callable[[], None]) -> None:
        self._part = part
        self._note_write = note_write

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name not in WRITES:
            return method

        def write(*arguments: Any) -> Any:
            done = method(*arguments)
            self._note_write()
            return done

        return write


class MortalStore(SqlStore):
    """Die after so many writes."""

    def __init__(self, folder: Path, writes: int) -> None:
        super().__init__(locate("", folder))
        self.left = writes
        for name in ("runs", "logs", "gates", "epochs", "events"):
            setattr(self, name, MortalPart(getattr(self, name), self.note_write))

    def note_write(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise DeadError


class Life:
    """Be the web process and the runner, until they die."""

    def __init__(self, folder: Path, ad: AdService, writes: int) -> None:
        self.store = MortalStore(folder, writes)
        self.bell = Bell(folder / "bell")
        self.runs = RunService(self.store.runs, self.bell, time.time, 8)
        settings = Settings(resolve={"ad.weather:3003": ad.address}, allow_targets=("127.0.0.1",))
        self.hooks = HookService(self.store, CatalogFile(folder / "catalog.yaml"), self.runs, settings)
        self.runner = Runner(self.store, self.bell, time.time, dict(os.environ), place="here")

    def ask(self, hook: HookType, **metadata: str) -> int:
        return self.hooks.handle(hook, HookPayload("ad", "weather", "Progressing", "r2", metadata)).status

    def test(self) -> None:
        self.ask(HookType.PRE_ROLLOUT, test="suite", wait="1ms")
        deadline = time.monotonic() + PATIENCE_S
        while self.store.runs.select({RunState.QUEUED, RunState.RUNNING}):
            assert time.monotonic() < deadline, "the run did not end in time"
            self.bell.ring()
            self.runner.step()
        assert self.ask(HookType.PRE_ROLLOUT, test="suite", wait="5s") == 200

    def approve(self) -> None:
        if self.ask(HookType.CONFIRM_PROMOTION, gate="promotion") != 200:
            self.hooks.gates.decide(AD, "promotion", GateState.OPEN, "ann", "")
        assert self.ask(HookType.CONFIRM_PROMOTION, gate="promotion") == 200

    def end(self) -> None:
        # A dead runner's children die with it (PR_SET_PDEATHSIG); this process lives on, so it does that here.
        for child in [*self.runner._children.values(), *(one.child for one in self.runner._finished.values())]:
            if child.run.id in self.runner._children:
                child.close()
            child.clear()
        self.runner._children.clear()
        self.runner._finished.clear()
        self.store.left = 0
        self.runner.close()
        self.store.close()


def perform(folder: Path, ad: AdService, writes: int) -> bool:
    """Test and approve; after a death the next life goes on with the call that was not answered."""
    steps = [Life.test, Life.approve]
    for writes_left in (writes, 0):
        life = Life(folder, ad, writes_left)
        try:
            while steps:
                steps[0](life)
                del steps[0]
        except DeadError:
            continue
        finally:
            life.end()
        return writes_left == 0
    raise AssertionError("the second life died")


def test_a_death_after_any_write_loses_nothing_and_runs_nothing_twice(tmp_path: Path, ad: AdService) -> None:
    for writes in count(1):
        folder = tmp_path / str(writes)
        folder.mkdir()
        (folder / "catalog.yaml").write_text(CATALOG)
        asked = len(ad.hosts)

        died = perform(folder, ad, writes)

        store = SqlStore(locate("", folder))
        runs = store.runs.page(RunQuery())
        gate = store.gates.find(AD, "promotion", 1)
        store.close()
        assert [run.state for run in runs] == [RunState.PASSED], writes
        assert runs[0].starts <= 2
        assert len(ad.hosts) - asked <= runs[0].starts
        assert gate is not None
        assert gate.state is GateState.OPEN
        assert list(find_marked(f"PENSTOCK_RUN={runs[0].id}")) == []
        if not died:
            assert writes > 8
            return
