"""One suite that every store passes."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.webhooks.bench import AD
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
    RunQuery,
    RunState,
)
from webhooks.store.sql import SqlStore, locate


def make_run(run_id: str = "one", key: str = "k", at: float = 1.0) -> Run:
    order = RunOrder(key, AD, 1, "rollout", "load", "{}", "http://ad", "127.0.0.1:1", {"who": "ann"})
    return Run(run_id, order, at, watch=LoadWatch(9.0, 1.0, 1.0, "{}", "passed", "fine"))


def say(store: Store, word: Gate) -> None:
    store.gates.change(word.canary, word.gate, word.epoch, lambda _: word)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore()
    if request.param != "memory":
        url = request.getfixturevalue("cluster").make_database() if request.param == "postgresql" else ""
        made = SqlStore(locate(url, tmp_path))
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

    store.runs.prune(10.0, 100)

    assert [store.runs.find(name) is not None for name in ("old", "new", "queued")] == [False, True, True]


def test_the_last_word_on_a_gate_counts_and_all_are_kept(store: Store) -> None:
    words = [Gate(AD, "promotion", 1, state, 1.0, "ann", "why") for state in (GateState.OPEN, GateState.CLOSED)]
    for word in words:
        say(store, word)

    assert store.gates.find(AD, "promotion", 1) == words[1]
    assert store.gates.history(AD) == tuple(words)
    assert store.gates.newest_change() == store.gates.newest_change(AD) >= len(words)
    assert store.gates.newest_change(CanaryName("weather", "other")) == 0


def test_a_gate_nobody_spoke_of_is_none(store: Store) -> None:
    say(store, Gate(AD, "promotion", 1, GateState.OPEN, 1.0))

    assert store.gates.find(AD, "promotion", 2) is None
    assert store.gates.find(CanaryName("prod", "ad"), "promotion", 1) is None


def test_gates_of_the_newest_epoch_and_of_every_epoch_are_listed(store: Store) -> None:
    for gate, epoch in (("a", 1), ("b", 2), ("*", 0)):
        say(store, Gate(AD, gate, epoch, GateState.OPEN, 1.0))

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


def at_once(times: int, act: Callable[[int], object]) -> None:
    start = threading.Barrier(times)

    def run(number: int) -> None:
        start.wait(5)
        act(number)

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(run, range(times), timeout=30))


def test_many_equal_orders_at_once_are_one_run(store: Store) -> None:
    joined: list[str] = []

    at_once(10, lambda number: joined.append(store.runs.join(make_run(f"run-{number}")).id))

    assert (len(joined), len(set(joined))) == (10, 1)


def test_only_the_newest_ended_runs_are_kept(store: Store) -> None:
    for number in range(4):
        run = store.runs.join(make_run(f"r{number}", f"k{number}"))
        store.runs.save(replace(run, state=RunState.PASSED, ended_at=20.0 + number))

    store.runs.prune(0.0, 2)

    assert [run.id for run in store.runs.page(RunQuery())] == ["r3", "r2"]


def test_runs_are_paged_newest_first(store: Store) -> None:
    for name, at in (("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0)):
        store.runs.join(make_run(name, name, at))

    first = store.runs.page(RunQuery(limit=2))
    second = store.runs.page(RunQuery(limit=2, before=(first[-1].created_at, first[-1].id)))

    assert [run.id for run in (*first, *second)] == ["d", "c", "b", "a"]


QUERIES = [
    (RunQuery(canary=AD), ["one"]),
    (RunQuery(canary=CanaryName("weather", "nobody")), []),
    (RunQuery(test="load", state=RunState.QUEUED), ["one"]),
    (RunQuery(test="suite"), []),
    (RunQuery(state=RunState.PASSED), []),
]


@pytest.mark.parametrize(("query", "found"), QUERIES)
def test_runs_are_found_by_canary_test_and_state(store: Store, query: RunQuery, found: list[str]) -> None:
    store.runs.join(make_run())

    assert [run.id for run in store.runs.page(query)] == found


def test_a_log_grows_to_its_limit_and_is_read_from_any_byte(store: Store) -> None:
    sizes = [store.logs.append("one", piece, 8) for piece in (b"abc", b"\0\xff", b"fghij", b"k")]

    assert sizes == [3, 5, 8, 8]
    assert [store.logs.read("one", start, 4) for start in (0, 2, 6, 8)] == [b"abc\0", b"c\0\xfff", b"gh", b""]
    assert [store.logs.size(run) for run in ("one", "nobody")] == [8, 0]


def test_a_log_is_forgotten_with_its_run(store: Store) -> None:
    store.runs.save(replace(store.runs.join(make_run()), state=RunState.PASSED, ended_at=1.0))
    store.logs.append("one", b"text", 100)

    store.runs.prune(2.0, 100)

    assert store.logs.read("one") == b""


def test_a_gate_is_changed_only_as_somebody_decides(store: Store) -> None:
    say(store, Gate(AD, "promotion", 1, GateState.OPEN, 1.0, approvals=("ann", "bob"), needed=2))

    kept = store.gates.change(AD, "promotion", 1, lambda _: None)

    assert kept == store.gates.find(AD, "promotion", 1)
    assert kept is not None
    assert kept.approvals == ("ann", "bob")
    assert len(store.gates.history(AD)) == 1


def test_gates_are_listed_for_one_canary(store: Store) -> None:
    say(store, Gate(AD, "promotion", 1, GateState.OPEN, 1.0))

    assert len(store.gates.select(AD)) == 1
    assert store.gates.select(CanaryName("prod", "ad")) == ()


def test_many_words_on_a_gate_at_once_all_count(store: Store) -> None:
    def add(last: Gate | None, name: str) -> Gate:
        given = last.approvals if last else ()
        return Gate(AD, "promotion", 1, GateState.WAITING, 1.0, approvals=(*given, name))

    at_once(10, lambda number: store.gates.change(AD, "promotion", 1, lambda last: add(last, f"p{number}")))

    kept = store.gates.find(AD, "promotion", 1)
    assert kept is not None
    assert sorted(kept.approvals) == sorted(f"p{number}" for number in range(10))


def test_many_first_calls_at_once_begin_one_epoch(store: Store) -> None:
    def begin(last: Epoch | None) -> Epoch:
        return last or Epoch(AD, 1, 1.0, 1.0)

    at_once(10, lambda _: store.epochs.advance(AD, begin))

    assert store.epochs.latest(AD) == Epoch(AD, 1, 1.0, 1.0)


def test_a_store_gives_a_sign_of_life(store: Store) -> None:
    store.probe()
