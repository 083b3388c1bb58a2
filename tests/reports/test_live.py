import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from workflows.reports.live import PlainView, open_view
from workflows.reports.snapshot import ArmHealth, ReleaseProgress, Snapshot
from workflows.reports.terminal import TerminalView
from workflows.rollout.phase import Phase
from workflows.rollout.state import Outcome

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MOMENT = Snapshot(
    at=NOON,
    release="v2 to v3",
    phase=Phase.PROGRESSING,
    canary_percent=20,
    primary=ArmHealth(100.0, 4.2),
    canary=ArmHealth(76.0, 7.0),
    failed_checks=2,
    threshold=3,
    user_requests=1200,
    user_failures=31,
    hooks=(("integration", "passed"), ("gate", "waiting")),
    releases=(ReleaseProgress("v1 to v2", 1.0, Outcome.PROMOTED), ReleaseProgress("v2 to v3", 0.2)),
    elapsed=timedelta(seconds=31),
)


def console(*, terminal: bool = False, **settings: object) -> Console:
    known = {"file": io.StringIO(), "width": 90, "force_terminal": terminal, "_environ": {"TERM": "xterm"}}
    return Console(**{**known, **settings})  # type: ignore[arg-type] # settings of several types, by name


def text_of(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_without_a_terminal_each_event_is_a_line_with_its_time() -> None:
    target = console()

    with open_view(target) as view:
        view.event(NOON, "New revision detected")
        view.event(NOON, "Halt ad.test advancement", warning=True)

    assert text_of(target) == "12:00:00 New revision detected\n12:00:00 Warning Halt ad.test advancement\n"


def test_without_a_terminal_a_moment_is_told_once_until_something_moves() -> None:
    target = console()

    with open_view(target) as view:
        view.show(MOMENT)
        view.show(replace(MOMENT, user_requests=1300))
        view.show(replace(MOMENT, canary_percent=0, canary=ArmHealth()))

    first, second = text_of(target).splitlines()
    assert first == (
        "12:00:00 v2 to v3: Progressing, canary weight 20%; primary 100% p99 4.2ms; canary 76% p99 7ms; "
        "failed checks 2/3; integration passed; gate waiting; users 1200 requests, 31 failed"
    )
    assert "canary weight 0%; primary 100% p99 4.2ms; canary no data" in second


@pytest.mark.parametrize(
    "words",
    ["primary", "80 %", "100 %", "20 %", "76 %", "2 of 3", "1,200, 31 failed", "gate waiting", "promoted", "31 s"],
)
def test_a_terminal_shows_both_arms_checks_users_hooks_and_progress(words: str) -> None:
    target = console(terminal=True, no_color=True)

    with open_view(target) as view:
        view.show(MOMENT)

    assert words in text_of(target)


def test_a_terminal_keeps_the_last_events() -> None:
    target = console(terminal=True, height=40)

    with open_view(target) as view:
        for number in range(20):
            view.event(NOON, f"event <{number}>", warning=number == 19)

    picture = text_of(target).rpartition("event <11>")[2]
    assert "event <12>" in picture
    assert "event <19>" in picture


def test_markup_and_steering_signs_in_foreign_text_are_only_shown() -> None:
    target = console(terminal=True, no_color=True)

    with open_view(target) as view:
        view.show(replace(MOMENT, release="[bold]v3[/bold]", hooks=(("\x1b[2Jload", "[red]x"),)))
        view.event(NOON, "[link=x]press\x1b]0;title\x07")

    shown = text_of(target)
    assert "[bold]v3[/bold]" in shown
    assert "[link=x]press" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_dumb_terminal_gets_plain_lines(environment: dict[str, str]) -> None:
    with open_view(console(terminal=True, _environ=environment)) as view:
        assert isinstance(view, PlainView)


def test_no_color_is_honoured() -> None:
    target = console(terminal=True, _environ={"TERM": "xterm", "NO_COLOR": "1"})

    with open_view(target) as view:
        assert isinstance(view, TerminalView)
        view.event(NOON, "Halt", warning=True)

    assert "\x1b[31m" not in text_of(target)


def test_a_stream_that_knows_few_signs_gets_plain_lines_of_those() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")

    with open_view(console(terminal=True, file=stream)) as view:
        view.event(NOON, "v1 \N{RIGHTWARDS ARROW} v2")

    assert written.getvalue() == b"12:00:00 v1 ? v2\n"


def test_a_pipe_whose_reader_has_gone_does_not_stop_the_release() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8", buffering=1)

    with open_view(console(file=stream)) as view:
        view.event(NOON, "first")
        view.show(MOMENT)

    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_terminal_that_was_closed_does_not_stop_the_release() -> None:
    keeper, terminal = os.openpty()
    stream = os.fdopen(terminal, "w", encoding="utf-8", buffering=1)

    with open_view(console(terminal=True, file=stream)) as view:
        os.close(keeper)
        view.event(NOON, "first")
        view.show(MOMENT)

    with pytest.raises(OSError, match="Input/output error"):
        stream.close()


def test_the_standard_output_is_the_default() -> None:
    with open_view() as view:
        assert isinstance(view, PlainView)
