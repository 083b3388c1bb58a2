"""Keep gates and every change of them in two tables."""

from collections.abc import Callable

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select

from webhooks.store import documents
from webhooks.store.records import EVERY_EPOCH, CanaryName, Gate
from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import gate_changes, gates

# Statements are built once: that takes several times as long as asking.
_MINE = and_(
    gates.c.canary == bindparam("the_canary"),
    gates.c.epoch == bindparam("the_epoch"),
    gates.c.gate == bindparam("the_gate"),
)
_FIND, _DELETE = select(gates.c.document).where(_MINE), delete(gates).where(_MINE)
_INSERT, _KEEP = insert(gates), insert(gate_changes)


class SqlGates:
    """Keep gates; who decides by the last word holds the gate's lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        """Give the last word on a gate."""
        with self._database.reading() as connection:
            document = connection.execute(_FIND, _name(canary, gate, epoch)).scalar_one_or_none()
        return None if document is None else documents.read_gate(document)

    def change(
        self, canary: CanaryName, gate: str, epoch: int, decide: Callable[[Gate | None], Gate | None]
    ) -> Gate | None:
        """Keep what `decide` makes of the last word, alone among all callers; None from it changes nothing."""
        key = documents.write_canary(canary)
        mine = _name(canary, gate, epoch)
        with self._database.writing(f"gate {key} {epoch} {gate}") as connection:
            document = connection.execute(_FIND, mine).scalar_one_or_none()
            last = None if document is None else documents.read_gate(document)
            decided = decide(last)
            if decided is None:
                return last
            written = documents.write_gate(decided)
            connection.execute(_DELETE, mine)
            connection.execute(_INSERT, {"canary": key, "epoch": epoch, "gate": gate, "document": written})
            connection.execute(_KEEP, {"canary": key, "document": written})
            return decided

    def select(self, canary: CanaryName | None = None) -> tuple[Gate, ...]:
        """List the last words on the gates of a canary, or of all: its newest epoch, and those of every epoch."""
        one, other = gates.alias(), gates.alias()
        newest = select(func.max(other.c.epoch)).where(other.c.canary == one.c.canary).scalar_subquery()
        query = select(one.c.document).where(or_(one.c.epoch == EVERY_EPOCH, one.c.epoch == newest))
        if canary is not None:
            query = query.where(one.c.canary == documents.write_canary(canary))
        with self._database.reading() as connection:
            rows = connection.execute(query).scalars().all()
        return tuple(sorted(map(documents.read_gate, rows), key=lambda gate: (gate.canary, gate.epoch, gate.gate)))

    def history(self, canary: CanaryName) -> tuple[Gate, ...]:
        """List every change of a canary's gates, oldest first."""
        mine = gate_changes.c.canary == documents.write_canary(canary)
        query = select(gate_changes.c.document).where(mine).order_by(gate_changes.c.sequence)
        with self._database.reading() as connection:
            return tuple(map(documents.read_gate, connection.execute(query).scalars().all()))

    def newest_change(self, canary: CanaryName | None = None) -> int:
        """Give a number that grows with every change of a canary's gates, or of all."""
        query = select(func.coalesce(func.max(gate_changes.c.sequence), 0))
        if canary is not None:
            query = query.where(gate_changes.c.canary == documents.write_canary(canary))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())


def _name(canary: CanaryName, gate: str, epoch: int) -> dict[str, object]:
    return {"the_canary": documents.write_canary(canary), "the_epoch": epoch, "the_gate": gate}
