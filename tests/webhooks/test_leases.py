"""Whose a run is: leases that are renewed, run out, are handed over, or lost with the store."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService
from tests.webhooks.test_runner import HTTP, Workshop
from webhooks.errors import StoreError
from webhooks.runs.families import find_marked
from webhooks.runs.limits import RunLimits
from webhooks.runs.logs import RunLogs
from webhooks.runs.runner import Runner
from webhooks.store.records import Run, RunState

SLOW = "import threading\ndef test_a(): threading.Event().wait(300)\n"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.runner.close()


def leave(shop: Workshop, run: Run, **left: object) -> None:
    """Have a runner of another place be under way with a run."""
    shop.store.runs.save(
        replace(shop.find(run), state=RunState.RUNNING, owner="elsewhere/x", starts=1, **left)  # type: ignore[arg-type] # a table
    )


def test_a_run_with_a_lease_elsewhere_is_left_alone(shop: Workshop) -> None:
    run = shop.start(HTTP)
    leave(shop, run, lease_until=shop.now() + 60)

    shop.runner.step()

    assert shop.find(run).owner == "elsewhere/x"


def test_a_run_whose_lease_ran_out_is_taken_over(shop: Workshop, ad: AdService) -> None:
    run = shop.start(HTTP, connect=ad.address)
    leave(shop, run, lease_until=shop.now() - 1)

    assert (shop.finish(run).state, shop.find(run).starts) == (RunState.PASSED, 2)


def test_a_command_is_not_run_twice(shop: Workshop) -> None:
    run = shop.start("kind: command, argv: ['true']")
    leave(shop, run)

    shop.runner.step()

    assert (shop.find(run).state, shop.find(run).reason) == (
        RunState.LOST,
        "its runner died 1 time under way; not tried again",
    )


def test_a_definition_that_cannot_be_read_may_run_again(shop: Workshop) -> None:
    run = shop.start(HTTP)
    leave(shop, run, order=replace(run.order, definition="no JSON"))

    assert shop.finish(run).reason.startswith("could not be started")


def test_a_lease_is_renewed_while_its_run_goes_on(shop: Workshop) -> None:
    run = shop.reach(shop.start(shop.suite(SLOW)), RunState.RUNNING)
    shop.later_s = 10
    before = run.lease_until

    shop.step_until(lambda: shop.find(run).lease_until > before)

    assert shop.find(run).state is RunState.RUNNING


def test_a_runner_that_stops_hands_over_without_counting_a_start(shop: Workshop) -> None:
    run = shop.reach(shop.start(shop.suite(SLOW)), RunState.RUNNING)

    shop.runner.close()
    shop.runner = shop.make_runner()

    assert (shop.find(run).state, shop.find(run).starts, shop.find(run).owner) == (RunState.QUEUED, 0, "")


@pytest.mark.parametrize(
    ("changed", "state"), [({"cancel": "enough"}, RunState.CANCELLED), ({"definition": "command"}, RunState.LOST)]
)
def test_what_a_runner_that_stops_cannot_hand_over_ends(
    shop: Workshop, changed: dict[str, str], state: RunState
) -> None:
    run = shop.reach(shop.start(shop.suite(SLOW)), RunState.RUNNING)
    kind = json.dumps({"kind": changed.get("definition", "pytest")})
    order = replace(run.order, definition=kind)
    shop.store.runs.save(replace(shop.find(run), order=order, cancel=changed.get("cancel", "")))

    shop.runner.close()
    shop.runner = shop.make_runner()

    assert shop.find(run).state is state


def test_a_runner_without_its_store_gives_up_before_others_take_over(shop: Workshop) -> None:
    run = shop.reach(shop.start(shop.suite(SLOW)), RunState.RUNNING)
    shop.runner.surrender()
    kept = list(find_marked(f"PENSTOCK_RUN={run.id}"))
    shop.later_s = 60

    shop.runner.surrender()

    assert kept
    assert list(find_marked(f"PENSTOCK_RUN={run.id}")) == []


def test_a_verdict_that_the_store_did_not_take_is_told_again(shop: Workshop, ad: AdService) -> None:
    run = shop.start(HTTP, connect=ad.address)
    shop.reach(run, RunState.RUNNING)
    save, refused = shop.store.runs.save, []

    def refuse_once(changed: Run) -> Run | None:
        if changed.state.ended and not refused:
            refused.append(changed)
            raise StoreError("the database is away")
        return save(changed)

    shop.store.runs.save = refuse_once  # type: ignore[method-assign] # trouble that no real store makes on demand
    with pytest.raises(StoreError):
        shop.finish(run)

    assert (shop.finish(run).state, shop.find(run).starts, len(ad.hosts)) == (RunState.PASSED, 1, 1)


def test_what_a_test_writes_is_kept_while_it_goes_on(shop: Workshop) -> None:
    run = shop.reach(shop.start("kind: command, argv: [sh, -c, 'echo halfway; sleep 300']"), RunState.RUNNING)

    shop.step_until(lambda: shop.store.logs.read(run.id) != b"")

    assert shop.find(run).state is RunState.RUNNING


def test_a_log_that_is_full_says_so(shop: Workshop) -> None:
    logs = RunLogs(shop.store.logs, shop.now, 100)
    logs._move("one", bytearray(b"x" * 200))
    logs._move("one", bytearray(b"y"))

    kept = shop.store.logs.read("one")
    assert len(kept) == 100
    assert kept.endswith(b"[the log is full; what follows is not kept]\n")


def test_old_runs_are_forgotten_by_age_and_count(shop: Workshop) -> None:
    for number in range(3):
        run = shop.start(HTTP, key=f"k{number}")
        shop.store.runs.save(replace(run, state=RunState.PASSED, ended_at=shop.now() - number))
    shop.runner.close()
    shop.runner = Runner(shop.store, shop.bell, shop.now, {}, limits=RunLimits(kept_runs=1))

    shop.runner.step()

    assert [run.order.key for run in shop.store.runs.select(set(RunState))] == ["k0"]


def test_four_runs_of_a_canary_go_on_at_once_in_all_replicas(shop: Workshop) -> None:
    for number in range(3):
        leave(shop, shop.start(HTTP, key=f"far{number}"), lease_until=shop.now() + 60)
    near = [shop.start(shop.suite(SLOW), key=f"near{number}") for number in range(2)]

    shop.reach(near[0], RunState.RUNNING)
    shop.runner.step()

    assert shop.find(near[1]).state is RunState.QUEUED
