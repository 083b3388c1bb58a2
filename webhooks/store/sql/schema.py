"""Bring the tables up to date with the migrations; Alembic is imported only when there is something to do.

A store that a newer version wrote is refused, never touched.
"""

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from webhooks.errors import StoreError

REVISIONS = ("0001", "0002")
"""Every revision there is, oldest first; a test holds this to the folder of migrations."""

HEAD = REVISIONS[-1]
"""The revision this version works with."""

MIGRATIONS = Path(__file__).parent / "migrations"
"""The folder that Alembic reads."""


def read_version(connection: Connection) -> str:
    """Give the revision of the tables, empty where there are none yet or only those of the first cut."""
    try:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or "")
    except DBAPIError as error:
        if "alembic_version" in str(error.orig):
            return ""
        raise


def refuse_newer(found: str, place: str) -> None:
    """Raise StoreError for a revision that this version does not know."""
    if found and found not in REVISIONS:
        raise StoreError(f"{place}: written by a newer version of penstock ({found}); upgrade or name another store")


def upgrade(connection: Connection) -> None:
    """Carry out what is missing, in the transaction at hand."""
    from alembic import command  # noqa: PLC0415 - most processes find nothing to do and save its memory
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
