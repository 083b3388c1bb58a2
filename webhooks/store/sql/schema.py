"""Bring the tables up to date with the migrations; Alembic is imported only when there is something to do.

A store that a newer version wrote is refused, never touched.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from webhooks.errors import StoreError
from webhooks.store.sql.tables import metadata, runs

REVISIONS = ("0001", "0002", "0003")
"""Every revision there is, oldest first; a test holds this to the folder of migrations."""

HEAD = REVISIONS[-1]
"""The revision this version works with."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder that Alembic reads."""


def read_version(connection: Connection) -> str:
    """Give the revision of the tables, empty where there are none yet or only those of the first cut."""
    if not inspect(connection).has_table(_VERSION.name):
        return ""
    return str(connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none() or "")


def refuse_newer(found: str, place: str) -> None:
    """Raise StoreError for a revision that this version does not know."""
    if found and found not in REVISIONS:
        raise StoreError(f"{place}: written by a newer version of penstock ({found}); upgrade or name another store")


def make(connection: Connection) -> None:
    """Make all tables at once where there are none; a test holds this to what the migrations make."""
    metadata.create_all(connection)
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=HEAD))


def is_empty(connection: Connection) -> bool:
    """Tell whether nobody has made tables yet."""
    return not inspect(connection).has_table(runs.name)


def upgrade(connection: Connection) -> None:
    """Carry out the migrations that are missing, in the transaction at hand."""
    from alembic import command  # noqa: PLC0415 - most processes find nothing to do and save its memory
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
