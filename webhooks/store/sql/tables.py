"""Describe the tables as they are after the last migration.

What is looked for stands in columns of its own; everything else is in the record's JSON document.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData()

# SQLite counts up by itself only in a primary key whose type is exactly INTEGER.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("standing", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("canary", Text, nullable=False, server_default=""),
    Column("test", Text, nullable=False, server_default=""),
)
Index(
    "runs_standing",
    runs.c.key,
    unique=True,
    sqlite_where=text("standing = 1"),
    postgresql_where=text("standing = 1"),
)
Index("runs_state", runs.c.state, runs.c.created_at)
Index("runs_created", runs.c.created_at, runs.c.id)
Index("runs_canary", runs.c.canary, runs.c.created_at)

run_logs = Table(
    "run_logs",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_id", "start"),
)

gates = Table(
    "gates",
    metadata,
    Column("canary", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("gate", Text, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("canary", "epoch", "gate"),
)


def _make_journal(name: str) -> Table:
    """Describe a table in which something is added for a canary, and read in that order."""
    made = Table(
        name,
        metadata,
        Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        Column("canary", Text, nullable=False),
        Column("document", Text, nullable=False),
    )
    Index(f"{name}_canary", made.c.canary, made.c.sequence)
    return made


gate_changes = _make_journal("gate_changes")
events = _make_journal("events")

epochs = Table(
    "epochs",
    metadata,
    Column("canary", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("canary", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("under_way", Integer, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("heard_at", Double, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("canary", "id"),
)
_PLACE = (releases.c.under_way, releases.c.began_at, releases.c.namespace, releases.c.name, releases.c.id)
Index("releases_place", *_PLACE)
Index("releases_namespace", releases.c.namespace, *_PLACE[:2])
Index("releases_canary", releases.c.canary, *_PLACE[:2])

reports = Table(
    "reports",
    metadata,
    Column("canary", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("canary", "release_id", "sequence"),
)

journals = Table(
    "journals",
    metadata,
    Column("canary", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("canary", "release_id"),
)
