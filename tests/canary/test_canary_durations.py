"""Durations are Go's, and of these only the ones that Flagger's resource definition admits."""

from datetime import timedelta

import pytest

from workflows.canary import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("40s", 40),
        ("1m30s", 90),
        ("10ms", 0.01),
        ("5m", 300),
        ("1.5h", 5400),
        ("1h2m3.5s", 3723.5),
        (".5s", 0.5),
        ("1.s", 1),
        ("+3s", 3),
        ("-3s", -3),
        ("-1.5us", -0.000001),
        ("0", 0),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("5000ns", 0.000005),
        ("2562047h", 2562047 * 3600),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "5", "5 s", "5d", "5s ", "1e3s", "--5s", "٣s", ".s", "5sx", "9" * 30 + "s"])
def test_what_go_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(durations.DurationError, match="is not a duration"):
        durations.parse(text)


def test_a_duration_beyond_gos_range_is_refused() -> None:
    with pytest.raises(durations.DurationError, match="292 years"):
        durations.parse("2562048h")


@pytest.mark.parametrize("text", ["40s", "10ms", "1m30s", "1s1h"])
def test_what_flaggers_definition_admits_is_read(text: str) -> None:
    assert durations.parse_admitted(text) == durations.parse(text)


@pytest.mark.parametrize("text", ["1h", "1.5m", "5us", "-5s", "+5s", "0"])
def test_what_flaggers_definition_refuses_is_refused(text: str) -> None:
    with pytest.raises(durations.DurationError, match="refused by Flagger's resource definition"):
        durations.parse_admitted(text)
