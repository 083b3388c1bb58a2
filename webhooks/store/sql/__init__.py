"""Keep everything in SQLite or PostgreSQL, through SQLAlchemy Core; one code for both."""

from webhooks.store.sql.store import SqlStore, locate

__all__ = ["SqlStore", "locate"]
