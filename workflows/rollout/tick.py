"""Decide one tick of a release, whatever its phase: the door to this package."""

from workflows.rollout.analysis import deliberate_analysis
from workflows.rollout.decision import Decision, Deliberation, Pace, Tick
from workflows.rollout.ending import roll_back
from workflows.rollout.intervention import heed
from workflows.rollout.phase import Phase
from workflows.rollout.promotion import decide_finalising, decide_promoting
from workflows.rollout.start import decide_first, deliberate_rest, deliberate_waiting
from workflows.rollout.state import Event


def deliberate(tick: Tick) -> Deliberation:
    """Decide what one tick comes to; asks hooks and metrics by yielding, returns the decision."""
    if tick.state.condemned:
        return roll_back(tick, tick.state.condemned, tick.state.reason)
    heeded = heed(tick)
    if isinstance(heeded, Decision):
        return heeded
    return (yield from _go_on(heeded))


def _go_on(tick: Tick) -> Deliberation:
    if tick.plan.suspend:
        event = Event("skipping canary run as object is suspended")
        return Decision(tick.state, (), (event,), Pace.INTERVAL, reason=event.message)
    return (yield from _deliberate_phase(tick))


def _deliberate_phase(tick: Tick) -> Deliberation:  # noqa: PLR0911 - one return for each phase
    match tick.state.phase:
        case Phase.INITIALIZING:
            return decide_first(tick)
        case Phase.INITIALIZED | Phase.SUCCEEDED | Phase.FAILED:
            return (yield from deliberate_rest(tick))
        case Phase.WAITING:
            return (yield from deliberate_waiting(tick))
        case Phase.PROGRESSING | Phase.WAITING_PROMOTION:
            return (yield from deliberate_analysis(tick))
        case Phase.PROMOTING:
            return decide_promoting(tick)
        case Phase.FINALISING:  # pragma: no branch - mypy proves it is the last
            return decide_finalising(tick)
