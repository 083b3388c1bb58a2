"""The table of transitions, pair by pair: what it has is followed, what it lacks raises."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from workflows.rollout import machine
from workflows.rollout.machine import TRANSITIONS, IllegalTransitionError, Signal
from workflows.rollout.phase import Phase
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
ENDING = RolloutState(Phase.FAILED, failed_checks=3, cause=Cause.CHECKS, reason="bad", halt="5 of 9 failed")

SENDERS: dict[Signal, list[Callable[[RolloutState], RolloutState]]] = {
    Signal.INITIALISED: [lambda state: machine.initialise(state, "v1", AT)],
    Signal.GIVEN_UP: [lambda state: machine.give_up(state, Cause.PRIMARY_NOT_READY, "why", AT)],
    Signal.APPROVAL_MISSING: [lambda state: machine.await_approval(state, "v2", "why", AT)],
    Signal.APPROVED: [lambda state: machine.begin(state, "v2", AT)],
    Signal.WITHDRAWN: [lambda state: machine.withdraw(state, AT)],
    Signal.RESTARTED: [lambda state: machine.restart(state, "v3", AT)],
    Signal.CHECK_FAILED: [lambda state: machine.fail_check(state, "why", AT)],
    Signal.HELD: [
        lambda state: machine.hold(state, AT),
        lambda state: machine.lose_sight(state, "why", AT),
        lambda state: machine.hold_traffic(state, "why", AT),
        lambda state: machine.condemn(state, ENDING, AT),
    ],
    Signal.EVACUATED: [lambda state: machine.evacuate(state, Route(100), AT)],
    Signal.ADVANCED: [lambda state: machine.advance(state, Route(40), AT)],
    Signal.PROMOTION_HELD: [lambda state: machine.hold_promotion(state, "why", AT)],
    Signal.PROMOTED: [lambda state: machine.promote(state, AT)],
    Signal.SHIFTED: [lambda state: machine.shift_back(state, Route(50), AT)],
    Signal.ROUTED_HOME: [lambda state: machine.shift_back(state, Route(), AT)],
    Signal.FINISHED: [lambda state: machine.finish(state, AT)],
    Signal.ROLLED_BACK: [lambda state: machine.roll_back(state, Route(), Cause.CHECKS, "why", AT)],
}
PAIRS = [(phase, signal) for phase in Phase for signal in Signal]


@pytest.mark.parametrize(("phase", "signal"), [pair for pair in PAIRS if pair[1] in TRANSITIONS[pair[0]]])
def test_a_pair_of_the_table_is_followed(phase: Phase, signal: Signal) -> None:
    state = RolloutState(phase, revision="v2", phase_since=AT)

    reached = {send(state).phase for send in SENDERS[signal]}

    assert reached == {TRANSITIONS[phase][signal] or phase}


@pytest.mark.parametrize(("phase", "signal"), [pair for pair in PAIRS if pair[1] not in TRANSITIONS[pair[0]]])
def test_a_pair_that_the_table_lacks_raises(phase: Phase, signal: Signal) -> None:
    for send in SENDERS[signal]:
        with pytest.raises(IllegalTransitionError):
            send(RolloutState(phase))


def test_every_signal_is_sent_above() -> None:
    assert set(SENDERS) == set(Signal)


def test_every_phase_has_a_row_and_can_be_reached() -> None:
    reached, edge = {Phase.INITIALIZING}, [Phase.INITIALIZING]
    while edge:
        found = {phase for phase in TRANSITIONS[edge.pop()].values() if phase} - reached
        reached |= found
        edge += found

    assert reached == set(TRANSITIONS) == set(Phase)


def test_a_pair_that_is_not_in_the_table_is_named_with_those_that_are() -> None:
    with pytest.raises(IllegalTransitionError, match="'finished' cannot happen in phase Promoting; known: evacuated, "):
        machine.follow(Phase.PROMOTING, Signal.FINISHED)


def test_a_new_analysis_starts_with_every_counter_at_zero() -> None:
    tired = RolloutState(
        Phase.WAITING,
        weight=40,
        iterations=2,
        failed_checks=2,
        inconclusive_checks=1,
        held_since=AT,
        blind_since=AT,
        route=Route(40),
        counts=TrafficCounts(),
        reason="why",
        halt="why",
    )

    assert machine.begin(tired, "v2", LATER) == RolloutState(Phase.PROGRESSING, revision="v2", phase_since=LATER)


def test_the_time_of_a_phase_is_that_of_its_first_tick() -> None:
    state = machine.hold(RolloutState(Phase.PROGRESSING, phase_since=AT), LATER)

    assert state.phase_since == AT


def test_an_approval_is_awaited_since_its_own_revision_came() -> None:
    first = machine.await_approval(RolloutState(Phase.SUCCEEDED), "v2", "no", AT)
    again = machine.await_approval(first, "v2", "still no", LATER)
    other = machine.await_approval(again, "v3", "no", LATER)

    assert [state.held_since for state in (first, again, other)] == [AT, AT, LATER]
    assert [state.revision for state in (first, again, other)] == ["v2", "v2", "v3"]


def test_a_withdrawn_revision_is_forgotten() -> None:
    waiting = machine.await_approval(RolloutState(Phase.SUCCEEDED, promoted_revision="v1"), "v2", "no", AT)

    state = machine.withdraw(waiting, LATER)

    assert (state.phase, state.revision, state.held_since) == (Phase.INITIALIZED, "v1", None)


def test_a_condemned_release_keeps_the_count_that_condemned_it() -> None:
    before = RolloutState(Phase.PROGRESSING, failed_checks=2, weight=40, route=Route(40))

    state = machine.condemn(before, ENDING, AT)

    assert (state.condemned, state.failed_checks, state.reason, state.halt) == (Cause.CHECKS, 3, "bad", "5 of 9 failed")
    assert (state.phase, state.weight, state.route) == (Phase.PROGRESSING, 40, Route(40))


def test_a_release_that_rests_is_not_condemned() -> None:
    assert ENDING.condemned is None


def test_an_evacuated_promotion_remembers_where_its_traffic_is() -> None:
    promoting = RolloutState(Phase.PROMOTING, weight=40, route=Route(40))

    state = machine.evacuate(promoting, Route(100), AT)

    assert (state.phase, state.weight, state.route) == (Phase.PROMOTING, 100, Route(100))


def test_a_finished_release_is_at_home_whatever_happened_on_the_way() -> None:
    evacuated = RolloutState(Phase.FINALISING, weight=100, route=Route(100), revision="v2")

    state = machine.finish(evacuated, AT)

    assert (state.weight, state.route, state.promoted_revision) == (0, Route(), "v2")
