"""docs/exit-codes.md names every exit code."""

import re
from pathlib import Path

from loadtester.cli import exits
from workflows.errors import ExitCode

PAGE = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text(encoding="utf-8")
ROWS = set(re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", PAGE))


def test_every_exit_code_of_a_release_and_of_a_load_is_explained() -> None:
    load = {(str(code), name) for name, code in vars(exits).items() if name.startswith("EXIT_")}

    assert {(str(code.value), code.name) for code in ExitCode} | load == ROWS
