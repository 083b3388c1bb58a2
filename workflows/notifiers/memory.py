"""Keep events and notifications in memory: for tests, reports and dry runs."""

from collections.abc import Sequence
from datetime import datetime

from workflows.rollout.plan import Alerting, RolloutPlan, Severity
from workflows.rollout.state import Event


class MemoryEvents:
    """Remember every event."""

    def __init__(self) -> None:
        self.emitted: list[tuple[datetime, Event]] = []

    @property
    def messages(self) -> list[str]:
        """List what was said, in order."""
        return [event.message for _, event in self.emitted]

    def emit(self, plan: RolloutPlan, event: Event, at: datetime) -> None:
        """Remember one event."""
        _ = plan
        self.emitted.append((at, event))


class MemoryNotifier:
    """Remember who would have been told what."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Severity, tuple[str, ...]]] = []

    def notify(self, plan: RolloutPlan, message: str, severity: Severity, to: Sequence[Alerting]) -> None:
        """Remember one message and the names of those whose severity admits it."""
        _ = plan
        self.sent.append((message, severity, tuple(alert.name for alert in to if severity >= alert.severity)))
