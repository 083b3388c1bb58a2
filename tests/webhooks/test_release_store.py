"""One suite that every store of releases passes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.webhooks.bench import AD
from webhooks.store import releases as kept
from webhooks.store.memory import MemoryStore
from webhooks.store.port import Store
from webhooks.store.records import CanaryName
from webhooks.store.releases import (
    ArmFigures,
    CheckFigure,
    Ending,
    Opinion,
    Release,
    ReleasePlan,
    ReleaseQuery,
    Report,
    ReportKind,
)
from webhooks.store.sql import SqlStore, locate

PLAN = ReleasePlan("v1 -> v2", "r2", "r1", "canary", "threshold", (20, 40), 3, 5.0, 95.0, 500.0)
WHOLE = Report(
    7,
    2.5,
    ReportKind.DECISION,
    "ended \u202e<b>",
    warning=True,
    phase="Failed",
    weight=0,
    failed_checks=3,
    verdict=Opinion.FAILED,
    checks=(CheckFigure("request-duration", Opinion.FAILED, 700.0, "at most 500 ms", "700 ms"),),
    canary=ArmFigures(51.5, None, 10),
    ending=Ending.ROLLED_BACK,
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore()
    if request.param != "memory":
        url = request.getfixturevalue("cluster").make_database() if request.param == "postgresql" else ""
        made = SqlStore(locate(url, tmp_path))
    yield made
    made.close()


def make_release(name: str = "one", began_at: float = 1.0, canary: CanaryName = AD) -> Release:
    return Release(canary, name, began_at, began_at, plan=PLAN)


def keep(store: Store, *releases: Release) -> None:
    for release in releases:
        store.releases.change(release.canary, release.id, lambda _, release=release: release)


def test_a_release_is_kept_whole(store: Store) -> None:
    release = replace(make_release(), ending=Ending.PROMOTED, ended_at=9.0, weight=0, lost=2)
    keep(store, release)

    assert store.releases.find(AD, "one") == release
    assert store.releases.find(AD, "two") is None


def test_a_release_changes_only_as_somebody_decides(store: Store) -> None:
    keep(store, make_release())

    unchanged = store.releases.change(AD, "one", lambda _: None)
    changed = store.releases.change(AD, "one", lambda last: last and replace(last, weight=20))

    assert (unchanged, changed) == (make_release(), replace(make_release(), weight=20))


def test_a_release_under_way_stands_before_newer_ones_that_ended(store: Store) -> None:
    ended = [replace(make_release(f"e{number}", float(number)), ended_at=9.0) for number in range(3)]
    keep(store, *ended, make_release("slow", 0.5))

    first = store.releases.page(ReleaseQuery(limit=2))
    second = store.releases.page(ReleaseQuery(limit=9, before=first[-1].place))

    assert [one.id for one in (*first, *second)] == ["slow", "e2", "e1", "e0"]


QUERIES = [
    (ReleaseQuery(namespace="weather"), ["one"]),
    (ReleaseQuery(namespace="weath"), []),
    (ReleaseQuery(canary=CanaryName("prod", "ad")), ["two"]),
    (ReleaseQuery(canary=CanaryName("prod", "nobody")), []),
]


@pytest.mark.parametrize(("query", "found"), QUERIES)
def test_releases_are_found_by_namespace_and_canary(store: Store, query: ReleaseQuery, found: list[str]) -> None:
    keep(store, make_release(), make_release("two", canary=CanaryName("prod", "ad")))

    assert [one.id for one in store.releases.page(query)] == found


def test_a_report_is_kept_whole_and_once(store: Store) -> None:
    added = [store.reports.add(AD, "one", batch) for batch in ([WHOLE], [WHOLE, WHOLE], [])]

    assert added == [1, 0, 0]
    assert store.reports.select(AD, "one") == (WHOLE,)


def test_reports_are_read_in_their_order_however_they_came(store: Store) -> None:
    for numbers in ((4, 2), (3, 1, 4)):
        store.reports.add(AD, "one", [replace(WHOLE, sequence=number) for number in numbers])

    assert [one.sequence for one in store.reports.select(AD, "one", after=1, limit=2)] == [2, 3]


def test_the_newest_reports_of_a_kind_are_found_among_others(store: Store) -> None:
    kinds = (ReportKind.DECISION, ReportKind.EVENT, ReportKind.DECISION, ReportKind.SAMPLE, ReportKind.DECISION)
    store.reports.add(AD, "one", [Report(number, 1.0, kind) for number, kind in enumerate(kinds)])

    assert [one.sequence for one in store.reports.newest(AD, "one", ReportKind.DECISION, 2)] == [4, 2]
    assert store.reports.newest(AD, "two", ReportKind.DECISION, 2) == ()


def test_only_the_newest_reports_are_kept(store: Store) -> None:
    store.reports.add(AD, "one", [Report(number, 1.0, ReportKind.SAMPLE) for number in range(1, 11)])
    store.reports.add(AD, "one", [Report(number, 1.0, ReportKind.SAMPLE) for number in range(11, 10_006)])

    sequences = [one.sequence for one in store.reports.select(AD, "one", limit=20_000)]
    assert (len(sequences), sequences[0], sequences[-1]) == (kept.MOST_REPORTS, 6, 10_005)


def test_a_journal_takes_the_place_of_the_one_before(store: Store) -> None:
    before = store.reports.read_journal(AD, "one")
    for content in (b"{}\n", b'{"a": 1}\n'):
        store.reports.keep_journal(AD, "one", content)

    assert (before, store.reports.read_journal(AD, "one")) == (None, b'{"a": 1}\n')
    assert [store.reports.measure_journal(AD, name) for name in ("one", "two")] == [9, 0]


def test_a_forgotten_release_takes_its_reports_and_journal_along(store: Store) -> None:
    keep(store, make_release())
    store.reports.add(AD, "one", [WHOLE])
    store.reports.keep_journal(AD, "one", b"{}\n")

    store.releases.forget(AD, "one")

    assert store.releases.find(AD, "one") is None
    assert (store.reports.select(AD, "one"), store.reports.read_journal(AD, "one")) == ((), None)


def test_old_releases_and_all_but_the_newest_ended_are_forgotten(store: Store) -> None:
    ended = [replace(make_release(f"e{number}", 10.0 + number), ended_at=99.0) for number in range(4)]
    keep(store, *ended, make_release("silent", 1.0), make_release("going", 20.0))
    store.reports.add(AD, "e0", [WHOLE])

    store.releases.prune(5.0, 2)

    assert [one.id for one in store.releases.page(ReleaseQuery())] == ["going", "e3", "e2"]
    assert store.reports.select(AD, "e0") == ()
