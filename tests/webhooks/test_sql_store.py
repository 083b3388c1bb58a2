"""What only the stores in a database do: migrations, and trouble with the database."""

import json
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine

from tests.webhooks.bench import AD
from tests.webhooks.postgres import Cluster
from tests.webhooks.test_store import at_once, make_run, say
from webhooks.errors import SettingsError, StoreError
from webhooks.store import documents
from webhooks.store.records import Gate, GateState, RunQuery
from webhooks.store.sql import SqlStore, locate, schema
from webhooks.store.sql.tables import metadata

FIRST_CUT = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, standing INTEGER NOT NULL, state TEXT NOT NULL,
  created_at REAL NOT NULL, ended_at REAL NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL);
CREATE UNIQUE INDEX runs_standing ON runs (key) WHERE standing;
CREATE TABLE gates (
  canary TEXT NOT NULL, epoch INTEGER NOT NULL, gate TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (canary, epoch, gate));
"""


def test_what_sqlite_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqlStore(locate("", tmp_path))
    say(first, Gate(AD, "promotion", 1, GateState.OPEN, 1.0))
    first.close()

    second = SqlStore(locate("", tmp_path))
    assert second.gates.find(AD, "promotion", 1) is not None
    second.close()


def test_a_file_that_is_no_database_is_trouble_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database at all, but long enough to be looked at " * 20)

    with pytest.raises(StoreError, match=r"store\.db"):
        SqlStore(locate("", tmp_path)).probe()


def test_a_database_that_is_not_there_is_trouble_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"postgresql.*/none") as raised:
        SqlStore(locate(f"postgresql://ann:s3cret@/none?host={tmp_path}", tmp_path)).probe()

    assert "s3cret" not in str(raised.value)


def test_a_store_that_is_no_url_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="store: not a URL such as") as raised:
        locate("postgresql://ann:s3cret@host:port/x", tmp_path)

    assert "s3cret" not in str(raised.value)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = SqlStore(locate("", tmp_path))
    store.probe()
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(StoreError, match=r"written by a newer version of penstock \(9999\)"):
        SqlStore(locate("", tmp_path)).probe()


def test_a_store_of_the_first_cut_is_brought_up_to_date(tmp_path: Path) -> None:
    document = json.loads(documents.write_run(make_run()))
    del document["lease_until"]
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.executescript(FIRST_CUT)
        values = ("one", "k", 1, "queued", 1.0, 0.0, 3, json.dumps(document))
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.close()

    store = SqlStore(locate("", tmp_path))
    assert [(run.id, run.version) for run in store.runs.page(RunQuery(canary=AD, test="load"))] == [("one", 3)]
    store.close()


def migrate(url: URL) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        schema.upgrade(connection)
    engine.dispose()


def find_differences(url: URL) -> list[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: list[object] = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    return found


def test_migrations_make_the_tables_that_are_described_in_sqlite(tmp_path: Path) -> None:
    migrate(locate("", tmp_path))

    assert find_differences(locate("", tmp_path)) == []


def test_migrations_make_the_tables_that_are_described_in_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    url = locate(cluster.make_database(), tmp_path)
    migrate(url)

    assert find_differences(url) == []


def test_ten_first_calls_at_once_make_the_tables_once(cluster: Cluster, tmp_path: Path) -> None:
    url = locate(cluster.make_database(), tmp_path)
    stores = [SqlStore(url) for _ in range(10)]

    at_once(10, lambda number: stores[number].probe())

    assert find_differences(url) == []
    for store in stores:
        store.close()


def test_every_migration_is_known() -> None:
    found = ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()

    assert tuple(reversed([script.revision for script in found])) == schema.REVISIONS


def test_a_cut_connection_is_made_anew(cluster: Cluster, tmp_path: Path) -> None:
    store = SqlStore(locate(cluster.make_database(), tmp_path))
    store.runs.join(make_run())

    assert cluster.cut_connections() >= 1
    assert store.runs.find("one") == make_run()
    store.close()


def test_a_question_that_fails_leaves_nothing_behind_for_the_next(tmp_path: Path) -> None:
    store = SqlStore(locate("", tmp_path))
    store.probe()

    with sqlite3.connect(tmp_path / "store.db") as file:
        file.execute("ALTER TABLE gates RENAME TO hidden")
    with pytest.raises(StoreError, match="no such table: gates"):
        store.gates.find(AD, "promotion", 1)
    with sqlite3.connect(tmp_path / "store.db") as file:
        file.execute("ALTER TABLE hidden RENAME TO gates")

    assert store.gates.find(AD, "promotion", 1) is None
    store.close()


def test_each_thread_that_reads_sees_what_others_wrote(tmp_path: Path) -> None:
    store = SqlStore(locate("", tmp_path))
    say(store, Gate(AD, "promotion", 1, GateState.OPEN, 1.0))

    found: list[Gate | None] = []

    at_once(4, lambda _: found.append(store.gates.find(AD, "promotion", 1)))

    assert [gate and gate.state for gate in found] == [GateState.OPEN] * 4
    store.close()
