"""Keep what is known of each canary: its last epoch, and the events that it sent."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select

from webhooks.store import documents
from webhooks.store.records import CanaryName, Epoch, HookEvent
from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import epochs, events

EVENTS_KEPT = 1000
"""How many events of a canary are kept."""


class SqlEpochs:
    """Keep the last epoch of each canary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, canary: CanaryName) -> Epoch | None:
        """Give the last epoch, ended or not."""
        with self._database.reading() as connection:
            return _latest(connection, canary)

    def advance(self, canary: CanaryName, decide: Callable[[Epoch | None], Epoch]) -> Epoch:
        """Replace the last epoch by what `decide` makes of it, or add the next; alone among all callers."""
        key = documents.write_canary(canary)
        with self._database.writing(f"epoch {key}") as connection:
            last = _latest(connection, canary)
            decided = decide(last)
            if decided != last:
                connection.execute(delete(epochs).where(epochs.c.canary == key))
                connection.execute(insert(epochs).values(canary=key, document=documents.write_epoch(decided)))
        return decided


def _latest(connection: Connection, canary: CanaryName) -> Epoch | None:
    query = select(epochs.c.document).where(epochs.c.canary == documents.write_canary(canary))
    document = connection.execute(query).scalar_one_or_none()
    return None if document is None else documents.read_epoch(document)


class SqlEvents:
    """Keep the newest events of each canary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: HookEvent) -> None:
        """Keep an event; only the newest thousand of a canary stay."""
        key = documents.write_canary(event.canary)
        mine = events.c.canary == key
        oldest_kept = select(events.c.sequence).where(mine).order_by(events.c.sequence.desc())
        stale = events.c.sequence < oldest_kept.offset(EVENTS_KEPT - 1).limit(1).scalar_subquery()
        with self._database.writing() as connection:
            connection.execute(insert(events).values(canary=key, document=documents.write_event(event)))
            connection.execute(delete(events).where(mine, stale))

    def select(self, canary: CanaryName) -> tuple[HookEvent, ...]:
        """List a canary's events, oldest first."""
        mine = events.c.canary == documents.write_canary(canary)
        query = select(events.c.document).where(mine).order_by(events.c.sequence)
        with self._database.reading() as connection:
            rows = connection.execute(query).scalars().all()
        return tuple(documents.read_event(canary, row) for row in rows)
