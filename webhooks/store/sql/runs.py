"""Keep runs in a table."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, delete, insert, or_, select, tuple_, update

from webhooks.store import documents
from webhooks.store.records import Run, RunQuery, RunState
from webhooks.store.sql.database import Database
from webhooks.store.sql.tables import run_logs, runs

_COLUMNS = (runs.c.document, runs.c.version)
_NOTHING: Mapping[str, object] = MappingProxyType({})
_ENDED = runs.c.ended_at > 0

# Statements are built once: that takes several times as long as asking.
_FIND = select(*_COLUMNS).where(runs.c.id == bindparam("the_id"))
_STANDING = select(*_COLUMNS).where(runs.c.key == bindparam("the_key"), runs.c.standing == 1)
_INSERT = insert(runs)
_SAVE = update(runs).where(runs.c.id == bindparam("the_id"), runs.c.version == bindparam("the_version"))
_SELECT = {
    size: select(*_COLUMNS)
    .where(runs.c.state.in_([bindparam(f"state_{number}") for number in range(size)]))
    .order_by(runs.c.created_at, runs.c.id)
    for size in range(len(RunState) + 1)
}


@cache
def _page(named: frozenset[str]) -> Select[Any]:
    """Ask for the newest runs among those that equal what is named, or come before it in time."""
    wanted = [runs.c[name] == bindparam(name) for name in ("canary", "test", "state") if name in named]
    if "id" in named:
        wanted.append(tuple_(runs.c.created_at, runs.c.id) < tuple_(bindparam("created_at"), bindparam("id")))
    newest = select(*_COLUMNS).where(*wanted).order_by(runs.c.created_at.desc(), runs.c.id.desc())
    return newest.limit(bindparam("most", type_=Integer))


class SqlRuns:
    """Keep runs; a run is changed only over the version that was read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(self, run: Run) -> Run:
        """Keep the run unless one with its key is standing; give the one that stands."""
        with self._database.writing(f"run {run.order.key}") as connection:
            row = connection.execute(_STANDING, {"the_key": run.order.key}).one_or_none()
            if row is not None:
                return documents.read_run(*row)
            connection.execute(_INSERT, _row(run))
            return run

    def find(self, run_id: str) -> Run | None:
        """Give a run by its id."""
        with self._database.reading() as connection:
            row = connection.execute(_FIND, {"the_id": run_id}).one_or_none()
        return None if row is None else documents.read_run(*row)

    def select(self, states: Collection[RunState]) -> tuple[Run, ...]:
        """List the runs in these states, oldest first."""
        named = {f"state_{number}": state.value for number, state in enumerate(states)}
        return self._read(_SELECT[len(named)], named)

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """List the runs that a query is about, newest first."""
        wanted: dict[str, object] = {
            "canary": str_key(query),
            "test": query.test,
            "state": query.state.value if query.state else "",
        }
        named = {name: value for name, value in wanted.items() if value}
        if query.before:
            named |= zip(("created_at", "id"), query.before, strict=True)
        return self._read(_page(frozenset(named)), {**named, "most": query.limit})

    def save(self, run: Run) -> Run | None:
        """Keep a changed run; None when somebody else changed it meanwhile."""
        saved = replace(run, version=run.version + 1)
        changed = _row(saved) | {"the_id": run.id, "the_version": run.version}
        with self._database.writing() as connection:
            done = connection.execute(_SAVE, changed).rowcount
        return saved if done else None

    def prune(self, before: float, keep: int) -> None:
        """Forget the runs that ended before a time, and all but the newest `keep` of those that ended."""
        newest = select(runs.c.id).where(_ENDED).order_by(runs.c.ended_at.desc()).limit(keep).scalar_subquery()
        stale = and_(_ENDED, or_(runs.c.ended_at < before, runs.c.id.not_in(newest)))
        with self._database.writing() as connection:
            connection.execute(delete(run_logs).where(run_logs.c.run_id.in_(select(runs.c.id).where(stale))))
            connection.execute(delete(runs).where(stale))

    def _read(self, query: Select[Any], named: Mapping[str, object] = _NOTHING) -> tuple[Run, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(query, named).all()
        return tuple(documents.read_run(*row) for row in rows)


def str_key(query: RunQuery) -> str:
    """Give the column's value for the canary of a query."""
    return documents.write_canary(query.canary) if query.canary else ""


def _row(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "key": run.order.key,
        "standing": int(run.standing),
        "state": run.state.value,
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "version": run.version,
        "document": documents.write_run(run),
        "canary": documents.write_canary(run.order.canary),
        "test": run.order.test,
    }
