"""Play Argo Workflows for the part of it that our templates use: steps, when, recursion, outputs, retries, onExit.

A pod is one call of `penstock` in this process. `doubled` runs every pod twice, `stopped` names the stage at which the
workflow is stopped, after which only onExit is run.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.cli import main

_TAG = re.compile(r"\{\{([^{}]+)\}\}")
_OUTPUTS = ("phase", "weight", "next", "reason")


class FailedError(Exception):
    """A node failed."""


@dataclass
class ArgoEngine:
    """Runs one workflow; `tail` are the options that say where the cluster is."""

    template: dict[str, Any]
    folder: Path
    tail: list[str]
    parameters: dict[str, str] = field(default_factory=dict)
    approve: str = "NO"
    doubled: bool = False
    stopped: str = ""
    nodes: list[str] = field(default_factory=list)

    def run(self) -> str:
        """Run to the end and give the workflow's status."""
        spec = self.template["spec"]
        declared = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        self._values = {f"workflow.parameters.{name}": value for name, value in {**declared, **self.parameters}.items()}
        self._values |= {"workflow.uid": "uid-1", "workflow.status": "Running"}
        self._templates = {each["name"]: each for each in spec["templates"]}
        status = "Succeeded"
        try:
            self._call(spec["entrypoint"], {})
        except FailedError:
            status = "Failed"
        self.stopped = ""
        # A stage that ends a release says by its code how it ended; the workflow has failed before that.
        with suppress(FailedError):
            self._call(spec["onExit"], {})
        return status

    def _call(self, name: str, inputs: dict[str, str]) -> dict[str, str]:
        template = self._templates[name]
        for each in template.get("inputs", {}).get("parameters", []):
            inputs.setdefault(each["name"], each.get("default", each.get("value", "")))
        values = {f"inputs.parameters.{key}": value for key, value in inputs.items()}
        if "suspend" in template:
            return {"approve": self.approve}
        if "container" in template:
            return self._run_pod(template, values)
        for group in template["steps"]:
            for step in group:
                self._run_step(step, values)
        return {}

    def _run_step(self, step: dict[str, Any], values: dict[str, str]) -> None:
        if "when" in step and not _holds(self._fill(step["when"], values)):
            return
        given = {each["name"]: each["value"] for each in step.get("arguments", {}).get("parameters", [])}
        inputs = {name: self._fill(value, values) for name, value in given.items()}
        outputs = self._call(step["template"], inputs)
        values |= {f"steps.{step['name']}.outputs.parameters.{name}": value for name, value in outputs.items()}

    def _run_pod(self, template: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
        words = [self._fill(word, values) for word in template["container"]["args"]]
        stage = " ".join(words[1:3]).strip()
        if stage == self.stopped:
            raise FailedError(stage)
        self.nodes.append(stage)
        for _ in range(2 if self.doubled else 1):
            code = self._try(words)
        if code:
            raise FailedError(stage)
        return {name: (self.folder / name).read_text() if (self.folder / name).exists() else "" for name in _OUTPUTS}

    def _try(self, words: list[str]) -> int:
        for name in _OUTPUTS:
            (self.folder / name).unlink(missing_ok=True)
        here = [str(self.folder) if word == "/tmp/results" else word for word in words]  # noqa: S108 - the pod's folder
        codes = [75]
        while codes[-1] == 75 and len(codes) <= 5:
            codes.append(main([*here, *self.tail]))
        return codes[-1]

    def _fill(self, text: str, values: dict[str, str]) -> str:
        # What is not known (an output of a step that was skipped) is empty, as its default says.
        return _TAG.sub(lambda tag: {**self._values, **values}.get(tag[1], ""), text)


def _holds(condition: str) -> bool:
    """Evaluate `'a' == 'b' && 'c' != 'd'`."""
    return all(_compare(part) for part in condition.split("&&"))


def _compare(part: str) -> bool:
    found = re.fullmatch(r"\s*'([^']*)' (==|!=) '([^']*)'\s*", part)
    assert found, f"the interpreter does not know {part!r}"
    return (found[1] == found[3]) is (found[2] == "==")
