"""Move a release from phase to phase: the table, and the only functions that change a state.

How to read it. A *signal* is what a tick came to. `TRANSITIONS` says which phase follows from which signal in which
phase; a pair that is not in the table is a bug and raises. Every function below takes one signal through the table
and sets what else changes with it. The picture in docs/machine.md is drawn from the table.
"""

import enum
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from workflows.rollout.case import Case
from workflows.rollout.phase import ANALYSED, Phase
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import Cause, RolloutState
from workflows.rollout.traffic import Route


class Signal(enum.Enum):
    """Name what a tick can come to."""

    INITIALISED = "initialised"
    GIVEN_UP = "given up"
    APPROVAL_MISSING = "approval missing"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    RESTARTED = "restarted"
    CHECK_FAILED = "check failed"
    HELD = "held"
    EVACUATED = "evacuated"
    ADVANCED = "advanced"
    PROMOTION_HELD = "promotion held"
    PROMOTED = "promoted"
    SHIFTED = "shifted"
    ROUTED_HOME = "routed home"
    FINISHED = "finished"
    ROLLED_BACK = "rolled back"


_RESTING = {
    Signal.APPROVAL_MISSING: Phase.WAITING,
    Signal.APPROVED: Phase.PROGRESSING,
    Signal.HELD: None,
    Signal.GIVEN_UP: None,
}
_ANALYSED = {
    Signal.RESTARTED: Phase.PROGRESSING,
    Signal.APPROVAL_MISSING: Phase.WAITING,
    Signal.CHECK_FAILED: None,
    Signal.HELD: None,
    Signal.EVACUATED: Phase.PROGRESSING,
    Signal.ADVANCED: Phase.PROGRESSING,
    Signal.PROMOTION_HELD: Phase.WAITING_PROMOTION,
    Signal.PROMOTED: Phase.PROMOTING,
    Signal.ROLLED_BACK: Phase.FAILED,
}

TRANSITIONS: Mapping[Phase, Mapping[Signal, Phase | None]] = MappingProxyType(
    {
        Phase.INITIALIZING: {Signal.INITIALISED: Phase.INITIALIZED, Signal.HELD: None, Signal.GIVEN_UP: None},
        Phase.INITIALIZED: _RESTING,
        Phase.SUCCEEDED: _RESTING,
        Phase.FAILED: _RESTING,
        Phase.WAITING: {
            Signal.APPROVAL_MISSING: None,
            Signal.APPROVED: Phase.PROGRESSING,
            Signal.HELD: None,
            Signal.WITHDRAWN: Phase.INITIALIZED,
            Signal.ROLLED_BACK: Phase.FAILED,
        },
        Phase.PROGRESSING: _ANALYSED,
        Phase.WAITING_PROMOTION: _ANALYSED,
        Phase.PROMOTING: {
            Signal.HELD: None,
            Signal.EVACUATED: None,
            Signal.SHIFTED: None,
            Signal.ROUTED_HOME: Phase.FINALISING,
            Signal.ROLLED_BACK: Phase.FAILED,
        },
        Phase.FINALISING: {
            Signal.HELD: None,
            Signal.EVACUATED: None,
            Signal.FINISHED: Phase.SUCCEEDED,
            Signal.ROLLED_BACK: Phase.FAILED,
        },
    }
)
"""Say which phase follows; None is the same phase again."""


class IllegalTransitionError(Exception):
    """Say that a signal came in a phase where the table does not know it: a bug, not bad luck."""


def follow(phase: Phase, signal: Signal) -> Phase:
    """Look up the next phase; raises IllegalTransitionError for a pair that the table does not have."""
    row = TRANSITIONS[phase]
    if signal not in row:
        known = ", ".join(sorted(known.value for known in row))
        raise IllegalTransitionError(f"{signal.value!r} cannot happen in phase {phase.value}; known: {known}")
    return row[signal] or phase


def _move(state: RolloutState, signal: Signal, at: datetime) -> RolloutState:
    phase = follow(state.phase, signal)
    return state if phase is state.phase and state.phase_since else replace(state, phase=phase, phase_since=at)


def initialise(state: RolloutState, revision: str, at: datetime) -> RolloutState:
    """Record that the primary runs a first revision and has all traffic."""
    moved = _move(state, Signal.INITIALISED, at)
    return replace(moved, revision=revision, promoted_revision=revision, route=Route(), cause=None, reason="")


def give_up(state: RolloutState, cause: Cause, reason: str, at: datetime) -> RolloutState:
    """Record why no release could begin; nothing was moved."""
    return replace(_move(state, Signal.GIVEN_UP, at), cause=cause, reason=reason)


def hold(state: RolloutState, at: datetime) -> RolloutState:
    """Record that this tick changed nothing."""
    return _move(state, Signal.HELD, at)


def evacuate(state: RolloutState, route: Route, at: datetime) -> RolloutState:
    """Record that all traffic fled to the arm that can serve; an analysis starts again from weight 0."""
    weight = 0 if state.phase in ANALYSED else route.canary_percent
    return replace(_move(state, Signal.EVACUATED, at), route=route, weight=weight, iterations=0, held_since=None)


def find_moved(state: RolloutState, strange: str) -> RolloutState:
    """Record how somebody else has moved the traffic."""
    return replace(state, halt=strange)


def await_approval(state: RolloutState, revision: str, reason: str, at: datetime) -> RolloutState:
    """Record that a new revision may not start yet, and since when this very one has been waiting."""
    moved = _move(state, Signal.APPROVAL_MISSING, at)
    if state.phase is Phase.WAITING and state.revision == revision:
        return replace(moved, reason=reason)
    return replace(_fresh(moved), revision=revision, held_since=at, reason=reason)


def withdraw(state: RolloutState, at: datetime) -> RolloutState:
    """Record that the revision which waited for approval is wanted no more."""
    fresh = _fresh(_move(state, Signal.WITHDRAWN, at))
    return replace(fresh, revision=state.promoted_revision, reason="the new revision was withdrawn")


def begin(state: RolloutState, revision: str, at: datetime) -> RolloutState:
    """Record that the analysis of a new revision begins, with every counter at zero."""
    return replace(_fresh(_move(state, Signal.APPROVED, at)), revision=revision, phase_since=at)


def restart(state: RolloutState, revision: str, at: datetime) -> RolloutState:
    """Record that another revision came in mid-analysis: its own analysis begins, the primary is known already."""
    known = state.case.reopened() if state.case else None
    return replace(_fresh(_move(state, Signal.RESTARTED, at)), revision=revision, phase_since=at, case=known)


def _fresh(state: RolloutState) -> RolloutState:
    return replace(
        state,
        weight=0,
        iterations=0,
        failed_checks=0,
        inconclusive_checks=0,
        held_since=None,
        blind_since=None,
        route=Route(),
        counts=None,
        case=None,
        cause=None,
        reason="",
        halt="",
        paused="",
    )


def fail_check(state: RolloutState, reason: str, at: datetime, *, inconclusive: bool = False) -> RolloutState:
    """Count one failed check (Flagger: the count is over the whole analysis, a good check does not reset it)."""
    moved = _move(state, Signal.CHECK_FAILED, at)
    blind = state.inconclusive_checks + int(inconclusive)
    return replace(moved, failed_checks=state.failed_checks + 1, inconclusive_checks=blind, halt=reason)


def condemn(state: RolloutState, ending: RolloutState, at: datetime) -> RolloutState:
    """Record how the release will end, before its traffic moves: a crash must not undo that."""
    return replace(
        _move(state, Signal.HELD, at),
        failed_checks=ending.failed_checks,
        inconclusive_checks=ending.inconclusive_checks,
        cause=ending.cause,
        reason=ending.reason,
        halt=ending.halt,
    )


def open_window(state: RolloutState, counts: TrafficCounts | None) -> RolloutState:
    """Record the reading of the traffic counters from which the next window is counted; None when there was none."""
    return replace(state, counts=counts.remembering(state.counts) if counts and state.counts else counts)


def weigh(state: RolloutState, case: Case) -> RolloutState:
    """Record what the evidence judge remembers after a look."""
    return replace(state, case=case)


def lose_sight(state: RolloutState, reason: str, at: datetime) -> RolloutState:
    """Record that nothing could be concluded, for want of data or of evidence, and since when."""
    return replace(_move(state, Signal.HELD, at), blind_since=state.blind_since or at, halt=reason)


def see_again(state: RolloutState) -> RolloutState:
    """Record that there was data to judge by."""
    return replace(state, blind_since=None) if state.blind_since else state


def hold_traffic(state: RolloutState, reason: str, at: datetime) -> RolloutState:
    """Record that more traffic is not approved, and since when."""
    return replace(_move(state, Signal.HELD, at), held_since=state.held_since or at, reason=reason)


def advance(state: RolloutState, route: Route, at: datetime, *, iterations: int = 0) -> RolloutState:
    """Record the next step: its split and, for A/B and blue/green, its iteration."""
    moved = _move(state, Signal.ADVANCED, at)
    return replace(moved, route=route, weight=route.canary_percent, iterations=iterations, held_since=None, reason="")


def hold_promotion(state: RolloutState, reason: str, at: datetime) -> RolloutState:
    """Record that the canary has passed everything and waits for the word to promote it."""
    first = state.phase is not Phase.WAITING_PROMOTION
    moved = _move(state, Signal.PROMOTION_HELD, at)
    return replace(moved, held_since=at if first else state.held_since or at, reason=reason)


def heed(state: RolloutState, order: str) -> RolloutState:
    """Record which order was heeded last; it is not heeded again."""
    return replace(state, heeded=order)


def pause(state: RolloutState, why: str) -> RolloutState:
    """Record by whom the weight is held from now on; what was waited for before counts no more."""
    return replace(state, paused=why, held_since=None)


def resume(state: RolloutState) -> RolloutState:
    """Record that nobody holds the weight any more."""
    return replace(state, paused="", held_since=None)


def forgive(state: RolloutState) -> RolloutState:
    """Record that the revision which failed may be released again, as if it were new."""
    return replace(state, revision=state.promoted_revision)


def promote(state: RolloutState, at: datetime) -> RolloutState:
    """Record that the primary is being given the canary's template, which it keeps however the release ends."""
    moved = _move(state, Signal.PROMOTED, at)
    return replace(moved, promoted_revision=state.revision, held_since=None, reason="")


def offer(state: RolloutState) -> RolloutState:
    """Record beforehand that the primary is given the canary's template: a crash must not hide that."""
    return replace(state, promoted_revision=state.revision)


def shift_back(state: RolloutState, route: Route, at: datetime) -> RolloutState:
    """Record one step of the traffic's way back to the promoted primary; the last one ends it."""
    signal = Signal.SHIFTED if route.canary_percent else Signal.ROUTED_HOME
    return replace(_move(state, signal, at), route=route, weight=route.canary_percent)


def finish(state: RolloutState, at: datetime) -> RolloutState:
    """Record that the release is done: the primary runs the new revision and has all traffic."""
    moved = _move(state, Signal.FINISHED, at)
    home = replace(moved, route=Route(), weight=0, iterations=0)
    return replace(home, promoted_revision=state.revision, cause=Cause.PROMOTED)


def roll_back(state: RolloutState, route: Route, cause: Cause, reason: str, at: datetime) -> RolloutState:
    """Record that the release is over without promotion, where its traffic went and why."""
    moved = _move(state, Signal.ROLLED_BACK, at)
    return replace(moved, route=route, weight=route.canary_percent, iterations=0, cause=cause, reason=reason)
