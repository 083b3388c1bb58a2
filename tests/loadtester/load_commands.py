"""Run the command as users do, for the tests of this room."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from loadtester.cli.command import execute

LOAD = [sys.executable, "-m", "loadtester"]
RUN = [*LOAD, "run"]


def load(*arguments: object, expect: int = 0) -> str:
    """Run a command and give what it printed; its exit code must be the expected one."""
    command = [*LOAD, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def call(*arguments: object, expect: int = 0) -> str:
    """Run a command that needs no engine in this process and give what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code: object = execute([str(word) for word in arguments])
        except SystemExit as ended:
            code = ended.code
    assert code == expect, printed.getvalue()
    return printed.getvalue()


def run(*arguments: object, expect: int = 0) -> str:
    """Run a plan and give what was printed."""
    return load("run", *arguments, expect=expect)


def run_json(tmp_path: Path, *arguments: object, expect: int = 0) -> dict[str, Any]:
    """Run a plan and give its JSON document."""
    run(*arguments, "--json", tmp_path / "run.json", expect=expect)
    document: dict[str, Any] = json.loads((tmp_path / "run.json").read_text())
    return document


def write_plan(tmp_path: Path, **plan: Any) -> Path:
    """Write a plan file."""
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    return tmp_path / "plan.json"
