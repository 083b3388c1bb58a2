"""Keep the output of runs in pieces, so that any replica can show what a test has written so far."""

from sqlalchemy import func, insert, select

from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import run_logs


class SqlLogs:
    """Keep logs; a run has one writer at a time, its owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run_id: str, content: bytes, limit: int) -> int:
        """Add to the log of a run until `limit` bytes are kept; gives how many are now."""
        size = select(func.coalesce(func.max(run_logs.c.start + run_logs.c.size), 0)).where(run_logs.c.run_id == run_id)
        with self._database.writing(f"log {run_id}") as connection:
            start = int(connection.execute(size).scalar_one())
            kept = content[: max(0, limit - start)]
            if kept:
                row = {"run_id": run_id, "start": start, "size": len(kept), "content": kept}
                connection.execute(insert(run_logs).values(row))
        return start + len(kept)

    def read(self, run_id: str, start: int = 0, most: int = 1 << 20) -> bytes:
        """Give the log from a byte on, at most so many bytes."""
        wanted = (
            run_logs.c.run_id == run_id,
            run_logs.c.start + run_logs.c.size > start,
            run_logs.c.start < start + most,
        )
        query = select(run_logs.c.start, run_logs.c.content).where(*wanted).order_by(run_logs.c.start)
        with self._database.reading() as connection:
            pieces = connection.execute(query).all()
        if not pieces:
            return b""
        skipped = start - pieces[0].start
        return b"".join(piece.content for piece in pieces)[skipped : skipped + most]
