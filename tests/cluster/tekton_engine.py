"""Play Tekton for the part of it that our pipelines use: tasks in a row, when, results, finally.

A pod is one call of `penstock` in this process. `doubled` runs every pod twice; `cancelled` names the task at which
the run is cancelled with its finally tasks (`CancelledRunFinally`).
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.cli import main

_VARIABLE = re.compile(r"\$\(([^()]+)\)")


class FailedError(Exception):
    """A task failed."""


@dataclass
class TektonEngine:
    """Runs one pipeline; `tail` are the options that say where the cluster is."""

    task: dict[str, Any]
    pipeline: dict[str, Any]
    folder: Path
    tail: list[str]
    parameters: dict[str, str]
    doubled: bool = False
    cancelled: str = ""
    done: list[str] = field(default_factory=list)

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
        self.cancelled = ""
        with suppress(FailedError):
            self._run_task(spec["finally"][0], shared)
        return status

    def _run_tasks(self, tasks: list[dict[str, Any]], values: dict[str, str]) -> None:
        for task in tasks:
            admitted = (_fill(each["input"], values) in each["values"] for each in task.get("when", []))
            if all(admitted):
                results = self._run_task(task, values)
                values |= {f"tasks.{task['name']}.results.{name}": value for name, value in results.items()}

    def _run_task(self, task: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
        spec = self.task["spec"]
        params = {each["name"]: each.get("default", "") for each in spec["params"]}
        params |= {each["name"]: _fill(each["value"], values) for each in task["params"]}
        given = {f"params.{name}": value for name, value in params.items()}
        words = [_fill(word, given) for word in spec["steps"][0]["args"]]
        if task["name"] == self.cancelled:
            raise FailedError(task["name"])
        self.done.append(task["name"])
        here = [str(self.folder) if word == "/tekton/results" else word for word in words]
        codes = [main([*here, *self.tail]) for _ in range(2 if self.doubled else 1)]
        if codes[-1]:
            raise FailedError(task["name"])
        results = {each["name"]: (self.folder / each["name"]).read_text() for each in spec["results"]}
        assert sum(len(value.encode()) for value in results.values()) < 4096
        return results


def _fill(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda variable: values[variable[1]], text)
