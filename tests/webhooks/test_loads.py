"""A load that hooks keep alive, over the calls of a release."""

from dataclasses import replace

from tests.webhooks.bench import Bench
from webhooks.protocol import HookType
from webhooks.store.records import Run, RunState

ROLLOUT = HookType.ROLLOUT


def ask(bench: Bench, after_s: float = 0.0) -> tuple[int, str]:
    bench.time += after_s
    outcome = bench.call(ROLLOUT, test="load")
    return outcome.status, outcome.reason


def only_run(bench: Bench) -> Run:
    (run,) = bench.under_way()
    return run


def lease_s(bench: Bench) -> float:
    watch = only_run(bench).watch
    assert watch is not None
    return watch.lease_until - bench.time


def test_many_calls_keep_one_load(bench: Bench) -> None:
    for _ in range(4):
        ask(bench, 10)

    assert len(bench.under_way()) == 1


def test_each_call_judges_what_came_since_the_last(bench: Bench) -> None:
    ask(bench)
    bench.report(100, 50)
    first = ask(bench, 10)
    bench.report(300, 50)
    second = ask(bench, 10)

    assert (first[0], second[0]) == (422, 200)
    assert "(200 samples)" in second[1]


def test_the_first_lease_is_long_and_the_next_follow_the_distance_of_calls(bench: Bench) -> None:
    leases = []
    for after_s in (0, 2, 40):
        ask(bench, after_s)
        leases.append(lease_s(bench))

    assert leases == [180, 15, 120]


def test_a_call_at_the_same_time_gets_the_same_answer(bench: Bench) -> None:
    ask(bench)
    bench.report(100, 50)
    first = ask(bench, 10)
    bench.report(200, 50)

    assert ask(bench, 0.5) == first


def test_a_short_window_with_too_little_grows_until_the_next_call(bench: Bench) -> None:
    ask(bench)
    bench.report(100, 0)
    ask(bench, 10)
    bench.report(102, 2)
    short = ask(bench, 1.5)
    bench.report(110, 10)
    longer = ask(bench, 1.5)

    assert (short[0], longer[0]) == (200, 422)
    assert "(10 samples)" in longer[1]


def test_a_load_without_news_for_long_is_inconclusive(bench: Bench) -> None:
    ask(bench)
    bench.report(100, 0)
    ask(bench, 10)

    status, reason = ask(bench, 10)
    assert (status, reason.startswith("load failed: inconclusive, counts as failed: no request ended")) == (422, True)


def test_a_load_that_nobody_started_is_inconclusive_after_a_while(bench: Bench) -> None:
    ask(bench)

    assert ask(bench, 10) == (422, "load failed: inconclusive, counts as failed: the load has not been started yet")


def test_a_load_that_ended_gives_its_last_window_and_starts_again(bench: Bench) -> None:
    ask(bench)
    bench.report(100, 50)
    old = only_run(bench)
    bench.time += 5
    bench.end(RunState.FAILED)

    assert ask(bench, 5)[0] == 422
    assert only_run(bench).id != old.id


def test_a_load_that_could_not_start_says_why(bench: Bench) -> None:
    ask(bench)
    bench.time += 1
    bench.end(RunState.INCONCLUSIVE, "could not be started (no such plan)")

    status, reason = ask(bench, 1)
    assert (status, "could not be started (no such plan)" in reason) == (422, True)


def test_a_report_that_cannot_be_read_is_inconclusive(bench: Bench) -> None:
    ask(bench)
    bench.store.runs.save(replace(only_run(bench), state=RunState.RUNNING, report='{"schema": "other/9"}'))

    status, reason = ask(bench, 10)
    assert (status, "cannot be read" in reason) == (422, True)
