"""Run the jobs of GitHub Actions and GitLab CI, as far as ours go: shell lines with variables, one after another.

A line of `penstock` runs in this process, so that a release of twenty lines takes seconds; what only installs or
waits is passed over. The real shell runs one job of each in the test of the load.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.cli import main

_VARIABLE = re.compile(r"\$(\w+)")
_EXPRESSION = re.compile(r"\$\{\{ *([\w.]+) *\}\}")
_PASSED_OVER = ("pip install ", "sleep ")


@dataclass
class Shell:
    """Runs lines under a job's variables and remembers the exit code of each command."""

    variables: Mapping[str, str]
    ran: list[tuple[str, int]] = field(default_factory=list)

    def run(self, script: str) -> int:
        """Run a script until a line fails."""
        for line in script.strip().splitlines():
            code = 0 if line.startswith(_PASSED_OVER) else self._run(line)
            if code:
                return code
        return 0

    def _run(self, line: str) -> int:
        words = shlex.split(_expand(line, self.variables))
        assert words[0] == "penstock", line
        code = main(words[1:])
        self.ran.append((" ".join(words[:3]), code))
        return code


def _expand(text: str, variables: Mapping[str, str]) -> str:
    """Put in variables, whose values may name others."""
    for _ in range(2):
        text = _VARIABLE.sub(lambda found: variables[found[1]], text)
    return text


def github(document: dict[str, Any], job: str, here: Mapping[str, str]) -> Shell:
    """Run a job of GitHub Actions, with other addresses; after a step that failed only those run that always do."""
    found = document["jobs"][job]
    shell = Shell(_read({**document["env"], **found.get("env", {})}, here))
    failed = False
    for step in found["steps"]:
        if "run" in step and (not failed or step.get("if") == "always()"):
            failed = shell.run(step["run"]) != 0 or failed
    return shell


def gitlab(document: dict[str, Any], job: str, here: Mapping[str, str]) -> Shell:
    """Run a job of GitLab CI: script until a line fails, then after_script, whatever happened."""
    shell = Shell(_read({**document["variables"], "CI_PIPELINE_ID": "17"}, here))
    for line in document[job]["script"]:
        if shell.run(line):
            break
    for line in document[job].get("after_script", []):
        shell.run(line)
    return shell


def _read(written: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
    values = {name: _EXPRESSION.sub("17", value) for name, value in written.items()}
    for there, address in here.items():
        values = {name: value.replace(there, address) for name, value in values.items()}
    return values
