"""Write events as lines: one line an event, a repeated one only once."""

import sys
from datetime import datetime
from typing import TextIO

from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Event


class ConsoleEvents:
    """Write each event to a stream, with its time and kind."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._last = ""

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Write one event; a stream that is gone is no reason to stop a release."""
        if event.message == self._last:
            return
        self._last = event.message
        kind = "Warning" if event.warning else "Normal"
        try:
            print(f"{at:%H:%M:%S} {kind:7} {plan.key} {event.message}", file=self._stream or sys.stderr, flush=True)
        except (OSError, ValueError):
            self._stream = None
