"""Keep the output of runs in pieces, so that any replica can show what a test has written so far."""

from sqlalchemy import bindparam, func, insert, select

from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import run_logs

# Statements are built once: that takes several times as long as asking.
_MINE, _END = run_logs.c.run_id == bindparam("the_run"), run_logs.c.start + run_logs.c.size
_SIZE = select(func.coalesce(func.max(_END), 0)).where(_MINE)
_INSERT = insert(run_logs)
_READ = (
    select(run_logs.c.start, run_logs.c.content)
    .where(_MINE, bindparam("first") < _END, run_logs.c.start < bindparam("last"))
    .order_by(run_logs.c.start)
)


class SqlLogs:
    """Keep logs; a run has one writer at a time, its owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run_id: str, content: bytes, limit: int) -> int:
        """Add to the log of a run until `limit` bytes are kept; gives how many are now."""
        with self._database.writing(f"log {run_id}") as connection:
            start = int(connection.execute(_SIZE, {"the_run": run_id}).scalar_one())
            kept = content[: max(0, limit - start)]
            if kept:
                row = {"run_id": run_id, "start": start, "size": len(kept), "content": kept}
                connection.execute(_INSERT, row)
        return start + len(kept)

    def read(self, run_id: str, start: int = 0, most: int = 1 << 20) -> bytes:
        """Give the log from a byte on, at most so many bytes."""
        with self._database.reading() as connection:
            pieces = connection.execute(_READ, {"the_run": run_id, "first": start, "last": start + most}).all()
        if not pieces:
            return b""
        skipped = start - pieces[0].start
        return b"".join(piece.content for piece in pieces)[skipped : skipped + most]

    def size(self, run_id: str) -> int:
        """Give how many bytes the log has."""
        with self._database.reading() as connection:
            return int(connection.execute(_SIZE, {"the_run": run_id}).scalar_one())
