import pytest

from workflows.local.schedule import PATIENCE_S, Schedule


def test_requests_are_due_at_a_steady_rate_whatever_the_time() -> None:
    schedule = Schedule(10, began=5.0)

    due = [schedule.next_due(now) for now in (5.0, 5.0, 5.9, 5.3)]

    assert due == pytest.approx([5.0, 5.1, 5.2, 5.3])
    assert schedule.left_out == 0


def test_a_request_that_is_a_little_late_is_sent_and_the_delay_told() -> None:
    schedule = Schedule(10, began=0.0)

    assert schedule.next_due(0.75) == 0.0
    assert schedule.behind_s == 0.75


def test_requests_of_a_long_stall_are_left_out_and_counted() -> None:
    schedule = Schedule(10, began=0.0)

    due = schedule.next_due(now=60.05)

    assert due == pytest.approx(60.05 - PATIENCE_S, abs=0.1)
    assert schedule.left_out == 591
