"""Join the parts of the store over one database, and say where that is."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from webhooks.errors import SettingsError
from webhooks.store.port import EpochStore, EventStore, GateStore, LogStore, ReleaseStore, ReportStore, RunStore
from webhooks.store.sql.canaries import SqlEpochs, SqlEvents
from webhooks.store.sql.database import Database
from webhooks.store.sql.gates import SqlGates
from webhooks.store.sql.logs import SqlLogs
from webhooks.store.sql.releases import SqlReleases
from webhooks.store.sql.reports import SqlReports
from webhooks.store.sql.runs import SqlRuns

STORE_FILE = "store.db"
"""The name of the SQLite store in the data folder."""


class SqlStore:
    """Keep everything in the database at a URL; its tables are made, or brought up to date, when first used."""

    runs: RunStore
    logs: LogStore
    gates: GateStore
    epochs: EpochStore
    events: EventStore
    releases: ReleaseStore
    reports: ReportStore

    def __init__(self, url: URL) -> None:
        self._database = Database(url)
        self.runs = SqlRuns(self._database)
        self.logs = SqlLogs(self._database)
        self.gates = SqlGates(self._database)
        self.epochs = SqlEpochs(self._database)
        self.events = SqlEvents(self._database)
        self.releases = SqlReleases(self._database)
        self.reports = SqlReports(self._database)

    def probe(self) -> None:
        """Ask the database for a sign of life; raises StoreError."""
        self._database.probe()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


def locate(store: str, data_dir: Path) -> URL:
    """Give the URL of the store: the setting, or when it is empty a file in the data folder."""
    if not store:
        return URL.create("sqlite", database=str(data_dir / STORE_FILE))
    try:
        url = make_url(store)
    except (ArgumentError, ValueError) as error:
        raise SettingsError("store: not a URL such as postgresql://user@host/database") from error
    # The driver is ours to choose: psycopg is the one that is installed.
    return url.set(drivername="postgresql+psycopg")
