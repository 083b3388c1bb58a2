"""A store and a runner with real children, stepped by the test."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.webhooks.bench import AD
from webhooks.catalog import read_catalog
from webhooks.runs import Bell, RunService
from webhooks.runs.runner import Runner
from webhooks.store.memory import MemoryStore
from webhooks.store.records import LoadWatch, Run, RunOrder, RunState

PATIENCE_S = 30.0


class Workshop:
    """Hold a store and a runner, and step the runner until something holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.later_s = 0.0
        self.store = MemoryStore()
        self.bell = Bell(folder / "bell")
        self.service = RunService(self.store.runs, self.bell, self.now, 4)
        self.runner = self.make_runner()

    def now(self) -> float:
        return time.time() + self.later_s

    def make_runner(self) -> Runner:
        return Runner(self.store, self.bell, self.now, {"PATH": os.environ["PATH"], "SECRET": "x"})

    def start(self, fields: str, *, connect: str = "", key: str = "k", watch: LoadWatch | None = None) -> Run:
        test = read_catalog(f"tests: {{t: {{{fields}}}}}", self.folder).tests["t"]
        order = RunOrder(key, AD, 1, "pre-rollout", "t", test.definition, "http://ad-canary.weather:80", connect)
        return self.service.start(order, watch)

    def find(self, run: Run) -> Run:
        found = self.store.runs.find(run.id)
        assert found is not None
        return found

    def step_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "the runner did not get there in time"
            self.runner.step()

    def finish(self, run: Run) -> Run:
        self.step_until(lambda: self.find(run).state.ended)
        return self.find(run)

    def reach(self, run: Run, state: RunState) -> Run:
        self.step_until(lambda: self.find(run).state is state)
        return self.find(run)

    def suite(self, body: str) -> str:
        (self.folder / "test_it.py").write_text(body)
        return "kind: pytest, path: test_it.py"


HTTP = "kind: http, requests: [{path: /ad}]"
