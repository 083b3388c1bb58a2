"""Show events in several places at once."""

from datetime import datetime

from workflows.ports import EventSink
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Event


class EventFanout:
    """Hand each event to every sink."""

    def __init__(self, *sinks: EventSink) -> None:
        self._sinks = sinks

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Show one event everywhere."""
        for sink in self._sinks:
            sink.emit(plan, event, at)
