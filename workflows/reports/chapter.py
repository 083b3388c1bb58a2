"""Hold what is to be reported of one release: numbered, bounded, and kept until the service has taken it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from workflows.reports import messages
from workflows.reports.messages import Message

MOST_UNSENT = 5000
"""How many reports wait for a service that is away; the oldest go first, counted."""


@dataclass(slots=True, eq=False)
class Chapter:
    """Hold the reports of one release; `id` is empty while the service has to be asked who began it."""

    key: tuple[str, str]
    began_at: datetime
    about: Message
    id: str = ""
    begun: bool = False
    forgivable: bool = True
    over: bool = False
    last: int = 0
    shift: int = 0
    lost: int = 0
    unsent: "deque[Message]" = field(default_factory=deque)
    journal: Path | None = None

    @property
    def path(self) -> str:
        """Give where the service has it."""
        return f"/releases/{self.key[0]}/{self.key[1]}/{self.id}"

    @property
    def waiting(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self.unsent) or not self.begun or self.journal is not None

    def add(self, at: datetime, message: Message) -> None:
        """Keep a report, with its number, until it is sent."""
        self.last = max(self.last + 1, messages.count_micros(at))
        if len(self.unsent) >= MOST_UNSENT:
            self.unsent.popleft()
            self.lost += 1
        self.unsent.append({"sequence": self.last, **message})

    def write(self, batch: Sequence[Message]) -> Message:
        """Write what is sent at once."""
        told = [{**message, "sequence": int(str(message["sequence"])) + self.shift} for message in batch]
        return {"reports": told, "lost": self.lost}


def name_release(at: datetime) -> str:
    """Give the id of a release that began at a time."""
    return f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{at.microsecond // 1000:03}"
