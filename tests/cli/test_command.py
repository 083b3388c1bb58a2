"""`penstock` itself: finding commands, and what a user sees of an error."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from workflows import cli
from workflows.cli.version import find_version
from workflows.errors import ConfigurationError, FencedError, PenstockError, TemporaryError
from workflows.process import interruptible, owner


def help_of(name: str) -> object:
    try:
        return cli.main([name, "--help"])
    except SystemExit as ended:
        return ended.code


def test_every_command_is_listed_and_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0

    listed = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert f"  {name} " in listed
        assert help_of(name) == 0


def test_without_a_command_the_commands_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["penstock"])

    assert cli.main() == 0


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"penstock {metadata.version('penstock')}\n"


def test_the_version_is_that_of_the_installed_package(tmp_path: Path) -> None:
    (tmp_path / "penstock-1.2.3rc1.dist-info").mkdir()

    assert find_version(["/no/such/folder", str(tmp_path)]) == "1.2.3rc1"
    assert find_version([]) == metadata.version("penstock")


def test_an_unknown_command_is_an_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rum"]) == 78
    assert "unknown command 'rum'; did you mean 'run'? known: demo, " in capsys.readouterr().err


def test_a_command_like_no_other_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["xyzzy"]) == 78
    assert "unknown command 'xyzzy'; known: demo, " in capsys.readouterr().err


HEAVY = {"flask", "gevent", "kubernetes", "locust", "requests", "rich", "yaml"}


def test_help_needs_none_of_the_heavy_libraries() -> None:
    program = "import sys; from workflows.cli import main; main(['--help']); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not HEAVY & set(done.stdout.split())


class Failing:
    """A command that fails in one way."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def main(self, _: list[str]) -> int:
        raise self._error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    def call(error: BaseException) -> int:
        monkeypatch.setitem(sys.modules, "failing", Failing(error))
        return cli.run_command(cli.Command("failing", "main", ""), [])

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("no"), 78),
        (TemporaryError("away"), 75),
        (FencedError("theirs"), 14),
        (PenstockError("odd"), 13),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 75),
    ],
)
def test_an_error_is_one_line_and_a_code(
    failing: Callable[[BaseException], int], error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error) == code
    assert capsys.readouterr().err.count("\n") <= 1


def test_the_first_signal_interrupts_and_the_second_cuts_nothing() -> None:
    way_home: list[str] = []

    def stop_twice() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            way_home.append("walked")

    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interruptible():
        stop_twice()

    assert way_home == ["walked"]


def test_an_owner_is_named_by_host_and_process() -> None:
    assert owner().endswith(f"/{os.getpid()}")
