"""The runner and what goes on: loads, and runs that another runner left or took."""

import json
from dataclasses import replace

import pytest

from tests.webhooks.bench import AdService
from tests.webhooks.workshop import HTTP, Workshop
from webhooks.runs.families import find_marked
from webhooks.store.records import LoadWatch, RunState

LOAD = "kind: load, plan: {rate: 50, requests: [{path: /ad}]}, thresholds: ['http_req_failed: rate<0.5']"


def test_a_load_goes_on_until_its_lease_is_over(shop: Workshop, ad: AdService) -> None:
    now = shop.now()
    run = shop.start(LOAD, connect=ad.address, watch=LoadWatch(now + 600, now, now))
    shop.step_until(lambda: bool(shop.find(run).report))
    shop.later_s = 700

    ended = shop.finish(run)

    assert (ended.state, ended.standing) == (RunState.PASSED, True)
    assert json.loads(ended.report)["requests"] > 0
    assert list(find_marked(f"PENSTOCK_RUN={run.id}")) == []


def test_a_load_with_a_duration_ends_with_its_verdict(shop: Workshop, ad: AdService) -> None:
    fields = LOAD.replace("rate: 50", "rate: 50, duration: 1s")

    run = shop.finish(shop.start(fields, connect=ad.address))

    assert (run.state, run.reason[:26]) == (RunState.PASSED, "http_req_failed rate = 0, ")


def test_a_load_that_does_not_end_in_time_is_inconclusive(shop: Workshop, ad: AdService) -> None:
    run = shop.start(f"{LOAD}, timeout: 90s", connect=ad.address)
    shop.step_until(lambda: bool(shop.find(run).report))
    shop.later_s = 91

    ended = shop.finish(run)

    assert (ended.state, ended.reason) == (RunState.INCONCLUSIVE, "did not end within 90 s")


def test_a_load_whose_plan_is_wrong_says_so(shop: Workshop) -> None:
    run = shop.finish(shop.start("kind: load, plan: {rate: -5}"))

    assert (run.state, "rate" in run.reason) == (RunState.INCONCLUSIVE, True)


def test_a_runner_takes_over_what_a_dead_one_left(shop: Workshop) -> None:
    run = shop.start(shop.suite("def test_a(): pass\n"))
    shop.store.runs.save(replace(shop.find(run), state=RunState.RUNNING, owner="dead", starts=1))

    shop.runner.step()

    ended = shop.finish(run)
    assert (ended.state, ended.starts) == (RunState.PASSED, 2)


LEFT = [
    ({"starts": 2}, RunState.LOST, "its runner died 2 times under way; not tried again"),
    ({"starts": 1, "cancel": "the release is over"}, RunState.CANCELLED, "the release is over"),
]


@pytest.mark.parametrize(("left", "state", "reason"), LEFT)
def test_a_runner_gives_up_what_it_cannot_take_over(
    shop: Workshop, left: dict[str, object], state: RunState, reason: str
) -> None:
    run = shop.start(HTTP)
    shop.store.runs.save(replace(shop.find(run), state=RunState.RUNNING, owner="dead", **left))  # type: ignore[arg-type] # a table

    shop.runner.step()

    assert (shop.find(run).state, shop.find(run).reason) == (state, reason)


def test_a_load_that_a_dead_runner_left_starts_with_a_new_count(shop: Workshop) -> None:
    run = shop.start(LOAD, watch=LoadWatch(shop.now() + 600, 1.0, 1.0, '{"old": 1}'))
    shop.store.runs.save(replace(shop.find(run), state=RunState.RUNNING, owner="dead", starts=7, report="{}"))

    shop.runner.step()

    again = shop.find(run)
    assert (again.starts, again.report, again.watch and again.watch.judged) == (8, "", "")


def test_a_run_that_another_runner_took_is_dropped(shop: Workshop) -> None:
    run = shop.start(shop.suite("import time\ndef test_a(): time.sleep(300)\n"))
    shop.reach(run, RunState.RUNNING)
    shop.store.runs.save(replace(shop.find(run), owner="another"))

    shop.step_until(lambda: not list(find_marked(f"PENSTOCK_RUN={run.id}")))

    assert shop.find(run).state is RunState.RUNNING


def test_a_runner_that_closes_leaves_no_process(shop: Workshop) -> None:
    run = shop.start(shop.suite("import time\ndef test_a(): time.sleep(300)\n"))
    shop.reach(run, RunState.RUNNING)
    shop.runner.close()
    left = list(find_marked(f"PENSTOCK_RUN={run.id}"))
    shop.runner = shop.make_runner()

    assert left == []
    assert (shop.find(run).state, shop.find(run).starts) == (RunState.QUEUED, 0)
