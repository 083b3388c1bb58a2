"""docs/exit-codes.md names every exit code, and a wrong command line ends as it says."""

import re
from pathlib import Path

import pytest

from loadtester.cli import exits
from webhooks.__main__ import run
from workflows.cli import COMMANDS, main
from workflows.errors import ExitCode

PAGE = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text(encoding="utf-8")
ROWS = set(re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", PAGE))


def test_every_exit_code_of_a_release_and_of_a_load_is_explained() -> None:
    load = {(str(code), name) for name, code in vars(exits).items() if name.startswith("EXIT_")}

    assert {(str(code.value), code.name) for code in ExitCode} | load == ROWS


@pytest.mark.parametrize("words", [*sorted({*COMMANDS} - {"load"}), "gate list", "runs wait", "catalog run"])
def test_a_wrong_command_line_ends_as_the_page_says(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--no-such-flag"]) == ExitCode.CONFIGURATION
    assert capsys.readouterr().err
    assert "ends it with 78" in PAGE


def test_a_wrong_command_line_of_a_load_ends_with_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=str(exits.EXIT_BAD_PLAN)):
        main(["load", "--no-such-flag"])

    assert capsys.readouterr().err
    assert f"(`penstock load`: {exits.EXIT_BAD_PLAN})" in PAGE


@pytest.mark.parametrize("words", [["no-such-command"], ["gate", "--no-such-flag"]], ids=" ".join)
def test_the_commands_of_the_webhooks_alone_end_so_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == ExitCode.CONFIGURATION
    assert capsys.readouterr().err


@pytest.mark.parametrize("command", ["lint", "doctor", "runs wait", "catalog run"])
def test_the_page_tells_of_the_commands_with_codes_of_their_own(command: str) -> None:
    assert f"| `penstock {command}` |" in PAGE


def test_help_of_the_webhooks_alone_is_no_fault() -> None:
    with pytest.raises(SystemExit, match="0"):
        run(["gate", "--help"])
