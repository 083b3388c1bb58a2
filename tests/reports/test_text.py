import pytest

from workflows.reports.text import number, printable


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("two\nlines\tand  gaps", "two lines and gaps"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("abc\u202edef", "abc\ufffddef"),
        ("v1 \u2192 v2, größer", "v1 \u2192 v2, größer"),
    ],
)
def test_foreign_text_can_neither_steer_a_terminal_nor_turn_a_line(foreign: str, shown: str) -> None:
    assert printable(foreign) == shown


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("inf"), "\N{INFINITY} ms"),
        (1200.0, "1,200 ms"),
        (100.0, "100 ms"),
        (0.04, "0 ms"),
        (7.25, "7.2 ms"),
    ],
)
def test_a_number_is_written_short(value: float, written: str) -> None:
    assert number(value, " ms") == written


def test_no_data_is_a_dash_and_not_zero() -> None:
    assert number(None, " ms") == "\N{EN DASH}"
