"""Keep what was reported of releases, one row for each report, and their journals."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, delete, func, insert, select

from webhooks.store import documents
from webhooks.store.records import CanaryName
from webhooks.store.releases import MOST_REPORTS, Report, ReportKind
from webhooks.store.sql.database import Database
from webhooks.store.sql.releases import name
from webhooks.store.sql.tables import journals, reports

# Statements are built once: that takes several times as long as asking.
_MINE = and_(reports.c.canary == bindparam("the_canary"), reports.c.release_id == bindparam("the_id"))
_THERE = select(reports.c.sequence).where(
    _MINE, reports.c.sequence >= bindparam("first"), reports.c.sequence <= bindparam("last")
)
_INSERT = insert(reports)
_SELECT = select(reports.c.document).where(_MINE, reports.c.sequence > bindparam("after")).order_by(reports.c.sequence)
_NEWEST = select(reports.c.document).where(_MINE, reports.c.kind == bindparam("the_kind"))
_OLDEST = select(reports.c.sequence).where(_MINE).order_by(reports.c.sequence.desc()).offset(MOST_REPORTS).limit(1)
_FORGET = delete(reports).where(_MINE, reports.c.sequence <= _OLDEST.scalar_subquery())
_JOURNAL = and_(journals.c.canary == bindparam("the_canary"), journals.c.release_id == bindparam("the_id"))
_READ, _DROP, _KEEP = select(journals.c.content).where(_JOURNAL), delete(journals).where(_JOURNAL), insert(journals)

_MEASURE = select(func.length(journals.c.content)).where(_JOURNAL)


class SqlReports:
    """Keep reports; who adds some to a release holds the lock of its reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, canary: CanaryName, release_id: str, reports: Sequence[Report]) -> int:
        """Keep those that are not there yet and tell how many were not; only the newest stay."""
        told = {report.sequence: report for report in reports}
        if not told:
            return 0
        mine = name(canary, release_id)
        row = {"canary": mine["the_canary"], "release_id": release_id}
        with self._database.writing(f"reports {mine['the_canary']} {release_id}") as connection:
            there = connection.execute(_THERE, {**mine, "first": min(told), "last": max(told)}).scalars().all()
            new = [report for report in told.values() if report.sequence not in set(there)]
            rows = [{**row, **_row(one)} for one in new]
            if rows:
                connection.execute(_INSERT, rows)
                connection.execute(_FORGET, mine)
        return len(rows)

    def select(self, canary: CanaryName, release_id: str, after: int = 0, limit: int = 500) -> tuple[Report, ...]:
        """List the reports that follow a sequence, in their order."""
        asked = {**name(canary, release_id), "after": after}
        with self._database.reading() as connection:
            rows = connection.execute(_SELECT.limit(limit), asked).scalars().all()
        return tuple(map(documents.read_report, rows))

    def newest(self, canary: CanaryName, release_id: str, kind: ReportKind, limit: int) -> tuple[Report, ...]:
        """List the newest reports of one kind, the newest first."""
        asked = {**name(canary, release_id), "the_kind": kind.value}
        query = _NEWEST.order_by(reports.c.sequence.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(map(documents.read_report, connection.execute(query, asked).scalars().all()))

    def keep_journal(self, canary: CanaryName, release_id: str, content: bytes) -> None:
        """Keep the journal of a release in place of the one before."""
        mine = name(canary, release_id)
        with self._database.writing(f"journal {mine['the_canary']} {release_id}") as connection:
            connection.execute(_DROP, mine)
            row = {"canary": mine["the_canary"], "release_id": release_id, "content": content}
            connection.execute(_KEEP, row)

    def measure_journal(self, canary: CanaryName, release_id: str) -> int:
        """Count the bytes of the journal of a release, 0 where none was kept."""
        with self._database.reading() as connection:
            return connection.execute(_MEASURE, name(canary, release_id)).scalar_one_or_none() or 0

    def read_journal(self, canary: CanaryName, release_id: str) -> bytes | None:
        """Give the journal of a release, None where none was kept."""
        with self._database.reading() as connection:
            content = connection.execute(_READ, name(canary, release_id)).scalar_one_or_none()
        return None if content is None else bytes(content)


def _row(report: Report) -> dict[str, object]:
    return {"sequence": report.sequence, "kind": report.kind.value, "document": documents.write_report(report)}
