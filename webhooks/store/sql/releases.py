"""Keep releases in a table."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select, tuple_

from webhooks.store import documents
from webhooks.store.records import CanaryName
from webhooks.store.releases import Release, ReleaseQuery
from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import journals, releases, reports

_PLACE = (releases.c.under_way, releases.c.began_at, releases.c.namespace, releases.c.name, releases.c.id)

# Statements are built once: that takes several times as long as asking.
_MINE = and_(releases.c.canary == bindparam("the_canary"), releases.c.id == bindparam("the_id"))
_FIND, _DELETE, _INSERT = select(releases.c.document).where(_MINE), delete(releases).where(_MINE), insert(releases)
_PARTS = tuple(
    delete(table).where(table.c.canary == bindparam("the_canary"), table.c.release_id == bindparam("the_id"))
    for table in (reports, journals)
)


class SqlReleases:
    """Keep releases; who changes one holds its lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, canary: CanaryName, release_id: str) -> Release | None:
        """Give a release by its id."""
        with self._database.reading() as connection:
            document = connection.execute(_FIND, name(canary, release_id)).scalar_one_or_none()
        return None if document is None else documents.read_release(document)

    def change(
        self, canary: CanaryName, release_id: str, decide: Callable[[Release | None], Release | None]
    ) -> Release | None:
        """Keep what `decide` makes of the release, alone among all callers; None from it changes nothing."""
        mine = name(canary, release_id)
        with self._database.writing(f"release {mine['the_canary']} {release_id}") as connection:
            document = connection.execute(_FIND, mine).scalar_one_or_none()
            last = None if document is None else documents.read_release(document)
            decided = decide(last)
            if decided is None or decided == last:
                return last
            connection.execute(_DELETE, mine)
            connection.execute(_INSERT, _row(decided))
            return decided

    def page(self, query: ReleaseQuery) -> tuple[Release, ...]:
        """List the releases that a query is about: those under way first, then the newest."""
        wanted = [
            releases.c.namespace == query.namespace if query.namespace else None,
            releases.c.canary == documents.write_canary(query.canary) if query.canary else None,
            tuple_(*_PLACE) < tuple_(*query.before) if query.before else None,
        ]
        found = select(releases.c.document).where(*(one for one in wanted if one is not None))
        newest = found.order_by(*(column.desc() for column in _PLACE)).limit(query.limit)
        with self._database.reading() as connection:
            return tuple(map(documents.read_release, connection.execute(newest).scalars().all()))

    def forget(self, canary: CanaryName, release_id: str) -> None:
        """Forget a release with its reports and its journal."""
        with self._database.writing() as connection:
            for statement in (*_PARTS, _DELETE):
                connection.execute(statement, name(canary, release_id))

    def prune(self, before: float, keep: int) -> None:
        """Forget what was last heard of before a time, and all but the newest `keep` of those that ended."""
        ended = releases.c.under_way == 0
        last = select(releases.c.began_at).where(ended).order_by(releases.c.began_at.desc()).offset(keep).limit(1)
        surplus: ColumnElement[bool] = and_(ended, releases.c.began_at <= last.scalar_subquery())
        stale = select(releases.c.canary, releases.c.id).where(or_(releases.c.heard_at < before, surplus))
        with self._database.reading() as connection:
            found = [dict(zip(("the_canary", "the_id"), row, strict=True)) for row in connection.execute(stale).all()]
        if found:
            with self._database.writing() as connection:
                for statement in (*_PARTS, _DELETE):
                    connection.execute(statement, found)


def name(canary: CanaryName, release_id: str) -> dict[str, object]:
    """Give what the statements call a release by."""
    return {"the_canary": documents.write_canary(canary), "the_id": release_id}


def _row(release: Release) -> dict[str, object]:
    return {
        "canary": documents.write_canary(release.canary),
        "id": release.id,
        "namespace": release.canary.namespace,
        "name": release.canary.name,
        "under_way": int(release.under_way),
        "began_at": release.began_at,
        "heard_at": release.heard_at,
        "document": documents.write_release(release),
    }
