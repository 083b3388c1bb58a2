"""Keep what is known of each canary: its last epoch, and the events that it sent."""

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, delete, insert, select

from webhooks.store import documents
from webhooks.store.records import CanaryName, Epoch, HookEvent
from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import epochs, events

EVENTS_KEPT = 1000
"""How many events of a canary are kept."""

# Statements are built once: that takes several times as long as asking.
_MINE = epochs.c.canary == bindparam("the_canary")
_LATEST, _DELETE = select(epochs.c.document).where(_MINE), delete(epochs).where(_MINE)
_INSERT = insert(epochs)


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
                connection.execute(_DELETE, {"the_canary": key})
                connection.execute(_INSERT, {"canary": key, "document": documents.write_epoch(decided)})
        return decided


def _latest(connection: Connection, canary: CanaryName) -> Epoch | None:
    document = connection.execute(_LATEST, {"the_canary": documents.write_canary(canary)}).scalar_one_or_none()
    return None if document is None else documents.read_epoch(document)


_EVENTS = events.c.canary == bindparam("the_canary")
_OLDEST = select(events.c.sequence).where(_EVENTS).order_by(events.c.sequence.desc()).offset(EVENTS_KEPT - 1).limit(1)
_ADD, _SELECT = insert(events), select(events.c.document).where(_EVENTS).order_by(events.c.sequence)
_FORGET = delete(events).where(_EVENTS, events.c.sequence < _OLDEST.scalar_subquery())


class SqlEvents:
    """Keep the newest events of each canary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: HookEvent) -> None:
        """Keep an event; only the newest thousand of a canary stay."""
        key = documents.write_canary(event.canary)
        with self._database.writing() as connection:
            connection.execute(_ADD, {"canary": key, "document": documents.write_event(event)})
            connection.execute(_FORGET, {"the_canary": key})

    def select(self, canary: CanaryName) -> tuple[HookEvent, ...]:
        """List a canary's events, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_SELECT, {"the_canary": documents.write_canary(canary)}).scalars().all()
        return tuple(documents.read_event(canary, row) for row in rows)
