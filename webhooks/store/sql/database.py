"""Lend connections to SQLite (WAL) or PostgreSQL, and turn their errors into StoreError.

Make one in each process, after it was forked. The one rule to keep: what is decided by what was read is read and
written in one `writing` block, which begins with a lock where several might decide at once. Who only reads a file has
a connection for each thread, which is never given back: that would take longer than the question.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from webhooks.errors import StoreError
from webhooks.store.sql import schema

_BUSY_S = 10.0
_READING_CACHE_KIB = 256
_READS = "penstock_reads"
_POSTGRES = "postgresql"


class Database:
    """Lend connections; the schema is brought up to date before the first is lent."""

    def __init__(self, url: URL) -> None:
        self._place = url.render_as_string(hide_password=True)
        self._engine = _postgres_engine(url) if url.drivername.startswith(_POSTGRES) else _sqlite_engine(url)
        in_file = self._engine.dialect.name != _POSTGRES
        options: dict[str, Any] = {_READS: True} if in_file else {"isolation_level": "AUTOCOMMIT"}
        self._reading = self._engine.execution_options(**options)
        self._kept = _Kept(_sqlite_reading_engine(url)) if in_file else None
        self._lock = threading.Lock()
        self._current = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection that only reads."""
        with self._wrapped():
            self._require_schema()
            with self._kept.lend() if self._kept else self._reading.connect() as connection:
                yield connection

    @contextmanager
    def writing(self, key: str = "") -> Iterator[Connection]:
        """Lend a connection whose changes all happen or none; alone among all that name the same key."""
        with self._wrapped():
            self._require_schema()
            with self._engine.begin() as connection:
                if key:
                    lock(connection, key)
                yield connection

    def probe(self) -> None:
        """Ask for a sign of life."""
        with self.reading() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close every connection."""
        if self._kept:
            self._kept.close()
        self._engine.dispose()

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"{self._place}: {getattr(error, 'orig', None) or error}") from error

    def _require_schema(self) -> None:
        if self._current:
            return
        with self._lock:
            with self._reading.connect() as connection:
                found = schema.read_version(connection)
            schema.refuse_newer(found, self._place)
            if found != schema.HEAD:
                self._upgrade()
            self._current = True

    def _upgrade(self) -> None:
        with self._engine.begin() as connection:
            lock(connection, "schema")
            found = schema.read_version(connection)
            if found == schema.HEAD:
                return
            if not found and schema.is_empty(connection):
                schema.make(connection)
            else:
                schema.upgrade(connection)


class _Kept:
    """Keep a connection for each thread that reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mine = threading.local()
        self._all: WeakSet[Connection] = WeakSet()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None or connection.closed:
            connection = self._mine.connection = self._engine.connect()
            self._all.add(connection)
        try:
            yield connection
        except SQLAlchemyError:
            # It may be in no state to be asked again.
            connection.close()
            raise

    def close(self) -> None:
        for connection in list(self._all):
            connection.close()


def lock(connection: Connection, key: str) -> None:
    """Wait until no other transaction holds the key; SQLite has one writer anyhow."""
    if connection.dialect.name == _POSTGRES:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def _postgres_engine(url: URL) -> Engine:
    arguments = {"connect_timeout": 5, "options": "-c statement_timeout=10000 -c lock_timeout=5000"}
    return create_engine(
        url, connect_args=arguments, pool_size=8, max_overflow=8, pool_timeout=5, pool_pre_ping=True, pool_recycle=600
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_S}, pool_size=16, max_overflow=16, pool_timeout=_BUSY_S)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _sqlite_reading_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, poolclass=NullPool)
    event.listen(engine, "connect", _prepare_reading)
    return engine


def _prepare_reading(connection: Any, _record: Any) -> None:
    # No transactions, so that each question sees what is there by then.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA cache_size = -{_READING_CACHE_KIB}")
    cursor.close()


def _prepare(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: ours begin as writers, see _begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
