"""One way to ask for a form of output, and what is shown at a terminal alone."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from webhooks.cli import client
from workflows import output, progress
from workflows.cli import main, parsers

LISTING = [
    "gate list",
    "gate show",
    "runs list",
    "runs show",
    "runs wait",
    "catalog list",
    "local status",
    "lint",
    "wait",
    "simulate",
    "backtest",
    "verdict",
    "doctor",
]
EXAMPLES = Path(__file__).parents[2] / "examples"
PARSERS = dict(parsers.walk())


@pytest.mark.parametrize("words", LISTING)
def test_what_lists_and_shows_does_so_in_three_forms(words: str) -> None:
    assert list(PARSERS[words]._option_string_actions["--output"].choices or ()) == ["table", "json", "yaml"]


def test_json_and_yaml_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"name": "ad", "at": Path("/a"), "weights": [0, 5], "word": "na\u00efve"}

    output.show("json", document, str)
    output.show("yaml", document, str)

    first, second = capsys.readouterr().out.split("}\n")
    assert json.loads(first + "}") == yaml.safe_load(second) == {**document, "at": "/a"}


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_findings_are_shown_in_each_form(form: str, read: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(EXAMPLES / "ad-service" / "canary.yaml"), "--output", form]) == 0

    assert callable(read)
    assert read(capsys.readouterr().out) == {"errors": 0, "warnings": 0, "findings": []}


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_a_catalog_is_listed_in_each_form(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "list", str(EXAMPLES / "ad-service" / "catalog.yaml"), "--output", form]) == 0

    shown = capsys.readouterr().out
    assert "ad-contract" in (shown if form == "table" else {row["name"] for row in yaml.safe_load(shown)})


def test_a_table_shows_nothing_that_steers_a_terminal() -> None:
    drawn = client.draw_table(("A", "B"), [("\x1b[31mred", "two\nlines\u202e")])

    assert drawn.splitlines() == ["A         B", "\ufffd[31mred  two lines\ufffd"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Give what makes stderr a terminal; pytest sets stderr anew between a fixture and its test."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    def open_one() -> Terminal:
        shown = Terminal()
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return open_one


def test_a_bar_shows_at_a_terminal_how_much_is_done(open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()

    assert list(progress.track(iter("abc"), 3, "simulating")) == ["a", "b", "c"]
    assert "simulating" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


@pytest.mark.parametrize("waiting", [progress.waiting, client.waiting], ids=["workflows", "webhooks"])
def test_what_is_waited_for_is_shown_at_a_terminal(
    waiting: Callable[[str], AbstractContextManager[object]], open_terminal: Callable[[], Terminal]
) -> None:
    terminal = open_terminal()

    with waiting("waiting for [ad]"):
        pass

    assert "waiting for [ad]" in terminal.getvalue()


def test_what_is_waited_for_is_told_anew(open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()

    with progress.waiting("waiting for ad") as tell:
        tell("weight 20")

    assert "weight 20" in terminal.getvalue()


def test_a_terminal_that_is_gone_stops_nothing(
    open_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_: str) -> int:
        raise OSError("the terminal is gone")

    terminal = open_terminal()
    monkeypatch.setattr(terminal, "write", break_off)

    with progress.waiting("releasing ad") as tell:
        tell("weight 20")


def test_a_release_shows_at_a_terminal_where_it_stands(open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()

    assert main(["run", str(EXAMPLES / "ad-service" / "canary.yaml"), "--platform", "memory"]) == 0

    shown = terminal.getvalue()
    assert "releasing ad.weather" in shown
    assert "Advance ad.weather canary weight 60" in shown


def test_no_colour_is_shown_where_none_is_wanted(open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()

    list(progress.track(iter("abc"), 3, "simulating"))

    assert "\x1b[3" not in terminal.getvalue()


def test_nothing_moves_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.waiting("waiting for ad") as tell, client.waiting("running"):
        tell("weight 20")
    assert list(progress.track(iter("abc"), 3, "simulating")) == ["a", "b", "c"]

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("wish", "coloured"), [("", 1), ("1", 0)], ids=["colours", "NO_COLOR"])
def test_colours_are_shown_at_a_terminal_that_does_not_refuse_them(
    wish: str, coloured: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", wish)
    monkeypatch.setattr(sys, "stdout", shown)

    assert main(["doctor", "--kubeconfig", str(tmp_path / "none")]) == 1

    assert min(shown.getvalue().count("\x1b[32m"), 1) == coloured
