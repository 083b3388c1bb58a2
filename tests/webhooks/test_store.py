"""One suite that every store passes."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.webhooks.bench import AD
from webhooks.errors import StoreError
from webhooks.store.memory import MemoryStore
from webhooks.store.port import Store
from webhooks.store.records import (
    CanaryName,
    Epoch,
    Gate,
    GateState,
    HookEvent,
    LoadWatch,
    Run,
    RunOrder,
    RunState,
)
from webhooks.store.sqlite import Database, SqliteStore


def make_run(run_id: str = "one", key: str = "k", at: float = 1.0) -> Run:
    order = RunOrder(key, AD, 1, "rollout", "load", "{}", "http://ad", "127.0.0.1:1", {"who": "ann"})
    return Run(run_id, order, at, watch=LoadWatch(9.0, 1.0, 1.0, "{}", "passed", "fine"))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db")
    yield made
    made.close()


def test_a_run_is_kept_whole(store: Store) -> None:
    store.runs.join(make_run())

    assert store.runs.find("one") == make_run()


def test_an_unknown_run_is_none(store: Store) -> None:
    assert store.runs.find("nobody") is None


def test_an_equal_order_joins_the_run_that_stands(store: Store) -> None:
    store.runs.join(make_run("one"))

    assert store.runs.join(make_run("two")).id == "one"


def test_an_equal_order_after_a_retired_run_is_a_new_run(store: Store) -> None:
    store.runs.save(replace(store.runs.join(make_run("one")), standing=False))

    assert store.runs.join(make_run("two")).id == "two"


def test_runs_are_listed_by_state_oldest_first(store: Store) -> None:
    for name, at in (("late", 3.0), ("early", 1.0), ("ended", 2.0)):
        store.runs.join(make_run(name, name, at))
    store.runs.save(replace(make_run("ended", "ended", 2.0), state=RunState.PASSED))

    assert [run.id for run in store.runs.select({RunState.QUEUED, RunState.RUNNING})] == ["early", "late"]


def test_a_save_over_somebody_elses_change_is_refused(store: Store) -> None:
    run = store.runs.join(make_run())
    saved = store.runs.save(replace(run, state=RunState.RUNNING))

    assert store.runs.save(replace(run, state=RunState.LOST)) is None
    assert store.runs.find("one") == saved


def test_a_save_of_a_run_that_is_not_there_is_refused(store: Store) -> None:
    assert store.runs.save(make_run()) is None


def test_old_ended_runs_are_forgotten(store: Store) -> None:
    for name, ended_at, state in (("old", 5.0, RunState.PASSED), ("new", 50.0, RunState.PASSED)):
        store.runs.save(replace(store.runs.join(make_run(name, name)), state=state, ended_at=ended_at))
    store.runs.join(make_run("queued", "queued"))

    store.runs.prune(10.0)

    assert [store.runs.find(name) is not None for name in ("old", "new", "queued")] == [False, True, True]


def test_the_last_word_on_a_gate_counts_and_all_are_kept(store: Store) -> None:
    words = [Gate(AD, "promotion", 1, state, 1.0, "ann", "why") for state in (GateState.OPEN, GateState.CLOSED)]
    for word in words:
        store.gates.put(word)

    assert store.gates.find(AD, "promotion", 1) == words[1]
    assert store.gates.history(AD) == tuple(words)


def test_a_gate_nobody_spoke_of_is_none(store: Store) -> None:
    store.gates.put(Gate(AD, "promotion", 1, GateState.OPEN, 1.0))

    assert store.gates.find(AD, "promotion", 2) is None
    assert store.gates.find(CanaryName("prod", "ad"), "promotion", 1) is None


def test_gates_of_the_newest_epoch_and_of_every_epoch_are_listed(store: Store) -> None:
    for gate, epoch in (("a", 1), ("b", 2), ("*", 0)):
        store.gates.put(Gate(AD, gate, epoch, GateState.OPEN, 1.0))

    assert [(word.gate, word.epoch) for word in store.gates.select()] == [("*", 0), ("b", 2)]


def test_an_epoch_is_decided_by_the_one_before(store: Store) -> None:
    store.epochs.advance(AD, lambda _: Epoch(AD, 1, 1.0, 1.0, "r1"))

    second = store.epochs.advance(AD, lambda last: Epoch(AD, last.number + 1 if last else 0, 2.0, 2.0))

    assert second.number == 2
    assert store.epochs.latest(AD) == second


def test_a_canary_nobody_called_for_has_no_epoch(store: Store) -> None:
    assert store.epochs.latest(AD) is None


def test_events_come_back_in_order_and_only_the_newest_thousand(store: Store) -> None:
    for number in range(1003):
        store.events.add(HookEvent(AD, "r1", "Progressing", float(number), {"eventMessage": "x"}))

    kept = store.events.select(AD)
    assert (len(kept), kept[0].at, kept[-1].at) == (1000, 3.0, 1002.0)
    assert store.events.select(CanaryName("prod", "ad")) == ()


def test_many_equal_orders_at_once_are_one_run(store: Store) -> None:
    joined: list[str] = []
    start = threading.Barrier(10)

    def join(number: int) -> None:
        start.wait(5)
        joined.append(store.runs.join(make_run(f"run-{number}")).id)

    threads = [threading.Thread(target=join, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (len(joined), len(set(joined))) == (10, 1)


def test_what_sqlite_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "store.db")
    first.gates.put(Gate(AD, "promotion", 1, GateState.OPEN, 1.0))
    first.close()

    second = SqliteStore(tmp_path / "store.db")
    assert second.gates.find(AD, "promotion", 1) is not None
    second.close()


def test_a_file_that_is_no_database_is_trouble_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database at all, but long enough to be looked at " * 20)

    with pytest.raises(StoreError, match=r"store\.db"):
        SqliteStore(tmp_path / "store.db")


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    with database.transaction() as connection:
        connection.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(tmp_path / "store.db")
