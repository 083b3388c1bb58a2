"""Keep everything in one SQLite file in WAL mode, which any number of processes of one machine share.

The one rule to keep: what is decided by what was read is read and written in one IMMEDIATE transaction.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from webhooks.errors import StoreError
from webhooks.store import documents
from webhooks.store.port import EpochStore, EventStore, GateStore, RunStore
from webhooks.store.records import CanaryName, Epoch, Gate, HookEvent, Run, RunState

_BUSY_S = 10.0
_EVENTS_KEPT = 1000
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, standing INTEGER NOT NULL, state TEXT NOT NULL,
  created_at REAL NOT NULL, ended_at REAL NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS runs_standing ON runs (key) WHERE standing;
CREATE INDEX IF NOT EXISTS runs_state ON runs (state, created_at);
CREATE TABLE IF NOT EXISTS gates (
  canary TEXT NOT NULL, epoch INTEGER NOT NULL, gate TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (canary, epoch, gate));
CREATE TABLE IF NOT EXISTS gate_changes (
  sequence INTEGER PRIMARY KEY, canary TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS epochs (canary TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, canary TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_canary ON events (canary, sequence);
"""


class Database:
    """Hand out one connection for each thread of each process, and turn SQLite's errors into StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        with self.transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA_VERSION:
                raise StoreError(f"{path}: written by a newer version of penstock ({version}); upgrade or move it away")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend this thread's connection."""
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend this thread's connection as the only writer; everything happens or nothing does."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close every connection that was lent."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        # A connection must not cross a fork (SQLite), hence the process id.
        if getattr(self._local, "owner", None) != os.getpid():
            self._local.connection = self._open()
            self._local.owner = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with self._lock:
            self._opened.append(connection)
        return connection


class SqliteStore:
    """Keep everything in the file at a path, which is made when missing."""

    runs: RunStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.runs = _SqliteRuns(self._database)
        self.gates = _SqliteGates(self._database)
        self.epochs = _SqliteEpochs(self._database)
        self.events = _SqliteEvents(self._database)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


class _SqliteRuns:
    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, run: Run) -> Run:
        with self._database.transaction() as connection:
            query = "SELECT document, version FROM runs WHERE key = ? AND standing"
            row = connection.execute(query, (run.order.key,)).fetchone()
            if row is not None:
                return documents.read_run(*row)
            values = (run.id, run.order.key, run.standing, run.state.value, run.created_at, run.ended_at, run.version)
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, documents.write_run(run)))
            return run

    def find(self, run_id: str) -> Run | None:
        with self._database.reading() as connection:
            row = connection.execute("SELECT document, version FROM runs WHERE id = ?", (run_id,)).fetchone()
            return None if row is None else documents.read_run(*row)

    def select(self, states: Collection[RunState]) -> tuple[Run, ...]:
        query = (
            "SELECT document, version FROM runs WHERE state IN (SELECT value FROM json_each(?)) ORDER BY created_at, id"
        )
        with self._database.reading() as connection:
            rows = connection.execute(query, (documents.write_states(states),)).fetchall()
        return tuple(documents.read_run(*row) for row in rows)

    def save(self, run: Run) -> Run | None:
        saved = replace(run, version=run.version + 1)
        query = (
            "UPDATE runs SET standing = ?, state = ?, ended_at = ?, version = ?, document = ? "
            "WHERE id = ? AND version = ?"
        )
        changed = (saved.standing, saved.state.value, saved.ended_at, saved.version, documents.write_run(saved))
        with self._database.transaction() as connection:
            done = connection.execute(query, (*changed, run.id, run.version)).rowcount
        return saved if done else None

    def prune(self, before: float) -> None:
        query = "DELETE FROM runs WHERE ended_at > 0 AND ended_at < ?"
        with self._database.transaction() as connection:
            connection.execute(query, (before,))


class _SqliteGates:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, canary: CanaryName, gate: str, epoch: int) -> Gate | None:
        query = "SELECT document FROM gates WHERE canary = ? AND epoch = ? AND gate = ?"
        with self._database.reading() as connection:
            row = connection.execute(query, (_key(canary), epoch, gate)).fetchone()
            return None if row is None else documents.read_gate(*row)

    def put(self, gate: Gate) -> None:
        document = documents.write_gate(gate)
        with self._database.transaction() as connection:
            values = (_key(gate.canary), gate.epoch, gate.gate, document)
            connection.execute("INSERT OR REPLACE INTO gates VALUES (?, ?, ?, ?)", values)
            change = "INSERT INTO gate_changes (canary, document) VALUES (?, ?)"
            connection.execute(change, (_key(gate.canary), document))

    def select(self) -> tuple[Gate, ...]:
        query = (
            "SELECT document FROM gates AS one WHERE epoch = 0 "
            "OR epoch = (SELECT max(epoch) FROM gates WHERE canary = one.canary) ORDER BY canary, epoch, gate"
        )
        with self._database.reading() as connection:
            return tuple(documents.read_gate(*row) for row in connection.execute(query).fetchall())

    def history(self, canary: CanaryName) -> tuple[Gate, ...]:
        query = "SELECT document FROM gate_changes WHERE canary = ? ORDER BY sequence"
        with self._database.reading() as connection:
            return tuple(documents.read_gate(*row) for row in connection.execute(query, (_key(canary),)).fetchall())


class _SqliteEpochs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, canary: CanaryName) -> Epoch | None:
        with self._database.reading() as connection:
            return _latest(connection, canary)

    def advance(self, canary: CanaryName, decide: Callable[[Epoch | None], Epoch]) -> Epoch:
        with self._database.transaction() as connection:
            decided = decide(_latest(connection, canary))
            values = (_key(canary), documents.write_epoch(decided))
            connection.execute("INSERT OR REPLACE INTO epochs VALUES (?, ?)", values)
        return decided


def _latest(connection: sqlite3.Connection, canary: CanaryName) -> Epoch | None:
    row = connection.execute("SELECT document FROM epochs WHERE canary = ?", (_key(canary),)).fetchone()
    return None if row is None else documents.read_epoch(*row)


class _SqliteEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: HookEvent) -> None:
        key = _key(event.canary)
        stale = (
            "DELETE FROM events WHERE canary = ? AND sequence NOT IN "
            "(SELECT sequence FROM events WHERE canary = ? ORDER BY sequence DESC LIMIT ?)"
        )
        with self._database.transaction() as connection:
            values = (key, documents.write_event(event))
            connection.execute("INSERT INTO events (canary, document) VALUES (?, ?)", values)
            connection.execute(stale, (key, key, _EVENTS_KEPT))

    def select(self, canary: CanaryName) -> tuple[HookEvent, ...]:
        query = "SELECT document FROM events WHERE canary = ? ORDER BY sequence"
        with self._database.reading() as connection:
            rows = connection.execute(query, (_key(canary),)).fetchall()
        return tuple(documents.read_event(canary, *row) for row in rows)


def _key(canary: CanaryName) -> str:
    # A slash is in no Kubernetes name, so two canaries never share a key.
    return f"{canary.namespace}/{canary.name}"
