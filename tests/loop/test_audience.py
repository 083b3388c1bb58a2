"""Who hears of a release: lines on a console, alerts by severity, and the clocks that time them."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from tests.rollout_story import PAGER, Story, analysis, plan
from workflows.clocks import MemoryClock, SystemClock
from workflows.notifiers.console import ConsoleEvents
from workflows.notifiers.memory import MemoryNotifier
from workflows.rollout.plan import Alerting, Severity
from workflows.rollout.state import Event
from workflows.rollout.traffic import Arm

AT = datetime(2026, 1, 1, 12, 30, 5, tzinfo=UTC)


def test_each_event_is_a_line_with_its_time_and_kind() -> None:
    stream = io.StringIO()
    console = ConsoleEvents(stream)

    console.emit(plan(), Event("Advance ad.weather canary weight 20"), AT)
    console.emit(plan(), Event("Canary failed! Scaling down ad.weather", warning=True), AT)

    assert stream.getvalue().splitlines() == [
        "12:30:05 Normal  ad.weather Advance ad.weather canary weight 20",
        "12:30:05 Warning ad.weather Canary failed! Scaling down ad.weather",
    ]


def test_an_event_that_repeats_is_one_line() -> None:
    stream = io.StringIO()
    console = ConsoleEvents(stream)

    for message in ("waiting", "waiting", "done", "waiting"):
        console.emit(plan(), Event(message), AT)

    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["waiting", "done", "waiting"]


def test_a_console_that_is_gone_stops_no_release(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    console = ConsoleEvents(stream)
    stream.close()

    console.emit(plan(), Event("lost"), AT)
    console.emit(plan(), Event("found"), AT)

    assert capsys.readouterr().err == "12:30:05 Normal  ad.weather found\n"


def test_without_a_stream_events_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleEvents().emit(plan(), Event("here"), AT)

    assert capsys.readouterr().err.endswith("here\n")


MATRIX = {
    Severity.INFO: {"all", "default"},
    Severity.WARN: {"all", "default", "warnings"},
    Severity.ERROR: {"all", "default", "warnings", "errors"},
}


@pytest.mark.parametrize("severity", list(Severity))
def test_an_alert_reaches_its_own_severity_and_those_below(severity: Severity) -> None:
    reference, notifier = PAGER.provider, MemoryNotifier()
    alerts = [
        Alerting("default", reference),
        Alerting("all", reference, Severity.INFO),
        Alerting("warnings", reference, Severity.WARN),
        Alerting("errors", reference, Severity.ERROR),
    ]

    notifier.notify(plan(), "told", severity, alerts)

    assert set(notifier.sent[0][2]) == MATRIX[severity]


def test_people_are_alerted_of_a_rollback_by_checks_as_an_error() -> None:
    story = Story(plan(analysis(alerts=(PAGER,))))
    story.traffic.errors_percent[Arm.CANARY] = 25

    story.run()

    message, severity, told = story.notifier.sent[-1]
    assert (severity, told) == (Severity.ERROR, ("pager",))
    assert message.startswith("Rolling back ad.weather failed checks threshold reached: 3 of 3 checks failed")


def test_the_system_clock_tells_the_time_in_utc_and_lets_it_pass() -> None:
    clock = SystemClock()
    before = clock.now()

    clock.sleep(timedelta(milliseconds=20))
    clock.sleep(timedelta(seconds=-5))

    assert before.tzinfo is UTC
    assert timedelta(milliseconds=19) <= clock.now() - before < timedelta(seconds=5)


def test_the_memory_clock_moves_by_what_is_slept_and_never_back() -> None:
    clock = MemoryClock(AT)

    clock.sleep(timedelta(hours=1))
    clock.sleep(timedelta(hours=-1))

    assert clock.now() == AT + timedelta(hours=1)
