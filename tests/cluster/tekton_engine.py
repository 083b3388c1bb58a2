"""Play Tekton for the part of it that our pipelines use: tasks, runAfter, when, results, approvals, finally.

A pod is one call of `penstock` in this process, a load test in one of its own. `ending` is what befalls the run when
the task `at` is to run (by its name, or how many ran before it); `doubled` runs every pod twice.
"""

import enum
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.cli import main

_VARIABLE = re.compile(r"\$\(([^()]+)\)")
_MOST_RESULTS = 4096

Run = Callable[[list[str]], int]


class Ending(enum.Enum):
    """Name what befalls a run; the value tells whether the engine runs its finally tasks afterwards."""

    CANCELLED_RUN_FINALLY = "CancelledRunFinally", True
    STOPPED_RUN_FINALLY = "StoppedRunFinally", True
    TASKS_TIMED_OUT = "timeouts.tasks", True
    POD_KILLED = "the pod is killed", True
    CANCELLED = "Cancelled", False
    DELETED = "kubectl delete pipelinerun", False

    @property
    def runs_finally(self) -> bool:
        """Tell whether the finally tasks are run."""
        return self.value[1]


class FailedError(Exception):
    """A task failed."""


@dataclass
class TektonEngine:
    """Runs one pipeline; `tail` are the options that say where the cluster is, `run_stage` runs a stage's command."""

    tasks: dict[str, dict[str, Any]]
    pipeline: dict[str, Any]
    folder: Path
    tail: list[str]
    parameters: dict[str, str]
    doubled: bool = False
    approve: bool = False
    ending: Ending | None = None
    at: str | int = ""
    run_stage: Run = main
    done: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)

    def run(self) -> str:
        """Run to the end and give the run's status."""
        spec = self.pipeline["spec"]
        declared = {each["name"]: each["default"] for each in spec["params"]}
        shared = {f"params.{name}": value for name, value in {**declared, **self.parameters}.items()}
        shared["context.pipelineRun.uid"] = "uid-1"
        status = "Succeeded"
        try:
            self._run_tasks(spec["tasks"], shared)
        except FailedError:
            status = "Failed"
        self.at = ""
        if self.ending is None or self.ending.runs_finally:
            self._run_finally(spec, shared)
        return status

    def _run_finally(self, spec: dict[str, Any], values: dict[str, str]) -> None:
        # A stage that ends a release says by its code how it ended; the run has failed before that.
        with suppress(FailedError):
            results = self._run_task(spec["finally"][0], values)
            told = {f"finally.{spec['finally'][0]['name']}.results.{name}": value for name, value in results.items()}
            self.results = {each["name"]: _fill(each["value"], told) for each in spec["results"]}

    def _run_tasks(self, tasks: list[dict[str, Any]], values: dict[str, str]) -> None:
        """Run tasks in the order of the file, which is that of runAfter; one that fails lets its neighbours end."""
        failed: list[str] = []
        for task in tasks:
            if set(task.get("runAfter", [])) & set(failed) or (failed and not _beside(task, failed, tasks)):
                break
            if not all(_admits(each, values) for each in task.get("when", [])):
                continue
            try:
                results = self._run_task(task, values)
            except FailedError:
                failed.append(task["name"])
                continue
            values |= {f"tasks.{task['name']}.results.{name}": value for name, value in results.items()}
        if failed:
            raise FailedError(failed[0])

    def _run_task(self, task: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
        if self.at in (task["name"], len(self.done)):
            raise FailedError(task["name"])
        self.done.append(task["name"])
        if task["taskRef"].get("kind") == "ApprovalTask":
            return self._ask(task)
        spec = self.tasks[task["taskRef"]["name"]]["spec"]
        params = {each["name"]: each.get("default", "") for each in spec["params"]}
        params |= {each["name"]: _fill(each["value"], values) for each in task["params"]}
        given = {f"params.{name}": value for name, value in params.items()}
        words = [_fill(word, given) for word in spec["steps"][0]["args"]]
        codes = [self._run_command(words) for _ in range(2 if self.doubled else 1)]
        if codes[-1]:
            raise FailedError(task["name"])
        results = {each["name"]: (self.folder / each["name"]).read_text() for each in spec.get("results", [])}
        assert sum(len(value.encode()) for value in results.values()) < _MOST_RESULTS
        return results

    def _ask(self, task: dict[str, Any]) -> dict[str, str]:
        if not self.approve:
            raise FailedError(task["name"])
        return {}

    def _run_command(self, words: list[str]) -> int:
        if words[0] != "stage":
            command = [sys.executable, "-m", "workflows", *words]
            return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode
        here = [str(self.folder) if word == "/tekton/results" else word for word in words]
        return self.run_stage([*here, *self.tail])


def _beside(task: dict[str, Any], failed: list[str], tasks: list[dict[str, Any]]) -> bool:
    """Tell whether a task waits for the same as one that failed, so that it runs at the same time."""
    before = {each["name"]: each.get("runAfter", []) for each in tasks}
    return any(before[name] == task.get("runAfter", []) for name in failed)


def _admits(condition: dict[str, Any], values: dict[str, str]) -> bool:
    return (_fill(condition["input"], values) in condition["values"]) is (condition["operator"] == "in")


def _fill(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda variable: values[variable[1]], text)
