"""Play Argo Workflows for the part of it that our templates use: steps, when, recursion, outputs, retries, onExit.

Workflows that share `mutexes` are those of one namespace.

A pod is one call of `penstock` in this process, a load test in one of its own. What an engine may do to a release is an
`Ending` that comes when the stage `at` is to run (by its name, or how many pods ran before it), or `doubled` pods: they
do their work and are lost, so that the engine, which heard nothing, runs them again.
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

KILLED = 137
NODE_NAME = re.compile("[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]")
_TAG = re.compile(r"\{\{([^{}]+)\}\}")
_EXPRESSION = re.compile(r"=(workflow\.parameters)\['([\w-]+)'\] != ''")
_MOST_NODES = 300
_DEEPEST = 100
"""Argo ends a workflow whose templates are called so deep."""


Run = Callable[[list[str]], int]


class Ending(enum.Enum):
    """Name what befalls a workflow; the value tells whether the engine runs the exit handler afterwards."""

    STOPPED = "argo stop", True
    TIMED_OUT = "activeDeadlineSeconds", True
    TERMINATED = "argo terminate", False
    DELETED = "kubectl delete workflow", False

    @property
    def runs_exit_handler(self) -> bool:
        """Tell whether onExit is run."""
        return self.value[1]


class FailedError(Exception):
    """A node failed."""


@dataclass
class ArgoEngine:
    """Runs one workflow; `tail` are the options that say where the cluster is, `run` is what runs a pod's command."""

    template: dict[str, Any]
    folder: Path
    tail: list[str]
    parameters: dict[str, str] = field(default_factory=dict)
    approve: str = "NO"
    doubled: bool = False
    ending: Ending | None = None
    at: str | int = ""
    run_stage: Run = main
    nodes: list[str] = field(default_factory=list)
    mutexes: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)

    def run(self) -> str:
        """Run to the end and give the workflow's status, or Pending while another one has its mutex."""
        spec = self.template["spec"]
        declared = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        self._values = {f"workflow.parameters.{name}": value for name, value in {**declared, **self.parameters}.items()}
        self._values |= {"workflow.uid": "uid-1", "workflow.status": "Running"}
        self._templates = {each["name"]: each for each in spec["templates"]}
        self._depth = 0
        names = {self._fill(each["name"], {}) for each in spec["synchronization"]["mutexes"]}
        if names & self.mutexes:
            return "Pending"
        self.mutexes |= names
        try:
            return self._run_entrypoint_and_exit(spec)
        finally:
            self.mutexes -= names

    def _run_entrypoint_and_exit(self, spec: dict[str, Any]) -> str:
        status = "Succeeded"
        try:
            self._call(spec["entrypoint"], {})
        except FailedError:
            status = "Failed"
        self.at = ""
        if self.ending is None or self.ending.runs_exit_handler:
            # A stage that ends a release says by its code how it ended; the workflow has failed before that.
            with suppress(FailedError):
                self._call(spec["onExit"], {})
        return status

    def _call(self, name: str, inputs: dict[str, str]) -> dict[str, str]:
        self._depth += 1
        try:
            if self._depth >= _DEEPEST:
                raise FailedError(f"{name}: Maximum recursion depth exceeded")
            return self._run_template(name, inputs)
        finally:
            self._depth -= 1

    def _run_template(self, name: str, inputs: dict[str, str]) -> dict[str, str]:
        template = self._templates[name]
        for each in template.get("inputs", {}).get("parameters", []):
            inputs.setdefault(each["name"], self._fill(each.get("default", each.get("value", "")), {}))
        values = {f"inputs.parameters.{key}": value for key, value in inputs.items()}
        self._name(template, values)
        if "suspend" in template:
            return {"approve": self.approve}
        if "container" in template:
            return self._run_pod(template, values)
        for group in template["steps"]:
            self._run_group(group, values)
        return {}

    def _name(self, template: dict[str, Any], values: dict[str, str]) -> None:
        """Show a node by the name that its template gives it; one that Argo does not take ends the node."""
        shown = self._fill(template.get("annotations", {}).get("workflows.argoproj.io/display-name", ""), values)
        if shown and not NODE_NAME.fullmatch(shown):
            raise FailedError(f"{shown}: displayName must match the regex {NODE_NAME.pattern}")
        self.shown += [shown] if shown else []

    def _run_group(self, group: list[dict[str, Any]], values: dict[str, str]) -> None:
        """Run the steps that stand side by side: all of them, also when one fails."""
        failed = []
        for step in group:
            try:
                self._run_step(step, values)
            except FailedError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _run_step(self, step: dict[str, Any], values: dict[str, str]) -> None:
        if "when" in step and not _holds(self._fill(step["when"], values)):
            return
        given = {each["name"]: each["value"] for each in step.get("arguments", {}).get("parameters", [])}
        inputs = {name: self._fill(value, values) for name, value in given.items()}
        outputs = self._call(step["template"], inputs)
        values |= {f"steps.{step['name']}.outputs.parameters.{name}": value for name, value in outputs.items()}

    def _run_pod(self, template: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
        words = [self._fill(word, values) for word in template["container"]["args"]]
        node = " ".join(words[1:3]).strip() if words[0] == "stage" else " ".join(words[:2])
        if self.at in (node, len(self.nodes)):
            raise FailedError(node)
        self.nodes.append(node)
        assert len(self.nodes) < _MOST_NODES
        code = self._try(template, words)
        outputs = self._read(template)
        self._keep(template, node)
        if code:
            raise FailedError(node)
        return outputs

    def _try(self, template: dict[str, Any], words: list[str]) -> int:
        strategy = template["retryStrategy"]
        again = {int(code) for code in re.findall(r"\d+", strategy["expression"].partition("in [")[2])}
        here = [word.replace("/tmp/results", str(self.folder / "results")) for word in words]  # noqa: S108 - the pod's folder
        for attempt in range(1 + int(strategy["limit"])):
            code = self._run_command(here)
            if self.doubled and attempt == 0:
                code = KILLED
            # What was ended is not tried again.
            if self.ending or code not in again:
                break
        return code

    def _run_command(self, words: list[str]) -> int:
        if words[0] != "stage":
            command = [sys.executable, "-m", "workflows", *words]
            return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode
        for file in (self.folder / "results").glob("*"):
            file.unlink()
        return self.run_stage([*words, *self.tail])

    def _read(self, template: dict[str, Any]) -> dict[str, str]:
        """Read what a pod left, also one that failed; what has a global name is the workflow's."""
        outputs = {}
        for each in template.get("outputs", {}).get("parameters", []):
            file = self.folder / "results" / Path(each["valueFrom"]["path"]).name
            outputs[each["name"]] = file.read_text() if file.exists() else each["valueFrom"]["default"]
            if "globalName" in each:
                self.outputs[each["globalName"]] = outputs[each["name"]]
        return outputs

    def _keep(self, template: dict[str, Any], node: str) -> None:
        for each in template.get("outputs", {}).get("artifacts", []):
            file = self.folder / "results" / Path(each["path"]).name
            assert file.exists() or each["optional"]
            if file.exists():
                self.artifacts[node] = file.read_text()

    def _fill(self, text: str, values: dict[str, str]) -> str:
        known = {**self._values, **values}
        # What is not known (an output of a step that was skipped) is empty, as its default says.
        return _TAG.sub(lambda tag: _evaluate(tag[1], known) if tag[1][0] == "=" else known.get(tag[1], ""), text)


def _evaluate(expression: str, known: dict[str, str]) -> str:
    """Evaluate `=workflow.parameters['a'] != ''`."""
    found = _EXPRESSION.fullmatch(expression)
    assert found, f"the interpreter does not know {expression!r}"
    return "true" if known[f"{found[1]}.{found[2]}"] else "false"


def _holds(condition: str) -> bool:
    """Evaluate `'a' == 'b' && ('c' != 'd' || 'e' == 'f') && true`."""
    parts = (part.strip() for part in condition.split("&&"))
    return all(any(_compare(each.strip()) for each in part.strip("()").split("||")) for part in parts)


def _compare(part: str) -> bool:
    if part in {"true", "false"}:
        return part == "true"
    found = re.fullmatch(r"'([^']*)' (==|!=) '([^']*)'", part)
    assert found, f"the interpreter does not know {part!r}"
    return (found[1] == found[3]) is (found[2] == "==")
