"""The runner with real children: what it starts, ends and leaves behind."""

import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.webhooks.bench import AD, AdService
from tests.webhooks.workshop import HTTP, Workshop
from webhooks.catalog import read_catalog
from webhooks.checks.job import Job
from webhooks.errors import StoreError
from webhooks.routes.api.reports import write_junit
from webhooks.runs import Bell, RunService, process
from webhooks.runs.changes import change
from webhooks.runs.child import Child
from webhooks.runs.families import end_marked, find_marked
from webhooks.store.memory import MemoryStore
from webhooks.store.records import CanaryName, Run, RunOrder, RunState


def test_an_http_test_passes(shop: Workshop, ad: AdService) -> None:
    run = shop.finish(shop.start(HTTP, connect=ad.address))

    assert (run.state, run.starts, run.standing) == (RunState.PASSED, 1, True)
    assert run.reason.startswith("1 request(s) as expected")


def test_an_http_test_fails_with_its_reason(shop: Workshop, ad: AdService) -> None:
    ad.broken = True

    run = shop.finish(shop.start(HTTP, connect=ad.address))

    assert (run.state, run.reason[:33]) == (RunState.FAILED, "GET /ad: status 500, expected 200")


def test_a_test_that_fails_is_tried_as_often_as_the_catalog_says(shop: Workshop, ad: AdService) -> None:
    ad.broken = True

    run = shop.finish(shop.start(f"{HTTP}, attempts: 3", connect=ad.address))

    assert (run.state, len(ad.hosts)) == (RunState.FAILED, 3)
    assert run.reason.endswith("(attempt 3 of 3)")


def test_a_suite_passes_and_cannot_see_our_secrets(shop: Workshop) -> None:
    body = "import os\ndef test_a(): assert 'SECRET' not in os.environ and os.environ['PENSTOCK_TARGET']\n"

    run = shop.finish(shop.start(shop.suite(body)))

    assert (run.state, run.reason) == (RunState.PASSED, "1 tests passed")


def test_a_suite_fails_by_the_names_of_its_tests(shop: Workshop) -> None:
    run = shop.finish(shop.start(shop.suite("def test_a(): pass\ndef test_price(): assert 7 == 9\n")))

    assert (run.state, run.reason[:27]) == (RunState.FAILED, "1 of 2 failed: test_price: ")
    assert "assert 7 == 9" in run.log


def test_the_report_of_a_suite_names_its_tests(shop: Workshop) -> None:
    run = shop.finish(shop.start(shop.suite("def test_a(): pass\ndef test_price(): assert 7 == 9\n")))

    cases = [(case.get("name"), [part.tag for part in case]) for case in ET.fromstring(write_junit(run))]  # noqa: S314 - written by us
    assert cases == [("t", ["failure", "system-out"]), ("test_price", ["failure"]), ("test_a", [])]


def test_a_suite_that_cannot_be_collected_has_not_passed(shop: Workshop) -> None:
    run = shop.finish(shop.start(shop.suite("import nothing_like_this\n")))

    assert run.state is RunState.FAILED


def test_a_test_that_hangs_ends_at_its_deadline_with_all_its_family(shop: Workshop) -> None:
    body = (
        "import subprocess, time\n"
        "def test_a():\n"
        "    subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "    time.sleep(300)\n"
    )
    run = shop.start(f"{shop.suite(body)}, timeout: 90s")
    shop.reach(run, RunState.RUNNING)
    shop.step_until(lambda: len(list(find_marked(f"PENSTOCK_RUN={run.id}"))) >= 2)
    shop.later_s = 91

    ended = shop.finish(run)

    assert (ended.state, ended.reason) == (RunState.FAILED, "did not end within 90 s")
    assert list(find_marked(f"PENSTOCK_RUN={run.id}")) == []


def test_a_cancelled_test_ends(shop: Workshop) -> None:
    run = shop.start(shop.suite("import time\ndef test_a(): time.sleep(300)\n"))
    shop.reach(run, RunState.RUNNING)
    shop.service.cancel(AD, "the release is over")

    ended = shop.finish(run)

    assert (ended.state, ended.reason, ended.standing) == (RunState.CANCELLED, "the release is over", False)


def test_a_test_that_is_cancelled_before_it_starts_never_does(shop: Workshop) -> None:
    run = shop.start(HTTP)
    shop.service.cancel(AD, "the release is over")

    ended = shop.finish(run)

    assert (ended.state, ended.starts) == (RunState.CANCELLED, 0)


def test_a_test_that_cannot_be_started_is_inconclusive(shop: Workshop) -> None:
    order = RunOrder("k", AD, 1, "pre-rollout", "t", "not json", "http://ad")

    run = shop.finish(shop.service.start(order))

    assert (run.state, run.reason[:22]) == (RunState.INCONCLUSIVE, "could not be started (")


def test_a_canary_gets_four_runs_at_once_and_another_is_not_kept_waiting(shop: Workshop, ad: AdService) -> None:
    ad.slow_s = 300
    runs = [shop.start(HTTP, connect=ad.address, key=str(number)) for number in range(5)]
    other = replace(runs[0].order, key="other", canary=CanaryName("weather", "shop"))
    late = shop.service.start(other)

    shop.reach(late, RunState.RUNNING)

    assert [shop.find(run).state for run in runs] == [RunState.RUNNING] * 4 + [RunState.QUEUED]


def test_a_chatty_test_is_bounded(shop: Workshop) -> None:
    run = shop.finish(shop.start(shop.suite("def test_a():\n    print('x' * 3_000_000)\n    assert 0\n")))

    assert run.state is RunState.FAILED
    assert len(run.log) <= 16 * 1024


def test_a_bell_without_a_listener_rings_in_vain(tmp_path: Path) -> None:
    Bell(tmp_path / "bell").ring()

    assert (tmp_path / "bell").is_fifo()


def test_a_mark_that_nobody_has_ends_nobody() -> None:
    end_marked("PENSTOCK_RUN=nobody")

    assert list(find_marked("PENSTOCK_RUN=nobody")) == []


def test_a_run_that_everybody_changes_is_trouble_of_the_store() -> None:
    class Contested(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.runs = self  # type: ignore[assignment] # a store that somebody else is always faster with

        def find(self, _: str) -> Run:
            return Run("one", RunOrder("k", AD, 1, "rollout", "t", "{}", "http://ad"), 1.0)

        def save(self, _: Run) -> None:
            return None

    with pytest.raises(StoreError, match="run one: changed 100 times"):
        change(Contested().runs, "one", lambda run: run)


def test_a_child_whose_command_is_not_there_leaves_no_folder(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = shop.start(HTTP)

    with pytest.raises(FileNotFoundError):
        Child(run, read_catalog(f"tests: {{t: {{{HTTP}}}}}", tmp_path).tests["t"], Job(("/no/such/program",)), {})

    assert list(tmp_path.glob("penstock-run-*")) == []


def test_a_second_runner_for_a_folder_gives_up(tmp_path: Path) -> None:
    stop = process.Stop()
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert process._lock(first, stop, 1.0)
        assert not process._lock(second, stop, 0.2)


def test_more_hooks_than_places_get_an_answer_at_once(shop: Workshop) -> None:
    service = RunService(shop.store.runs, None, shop.now, 1)
    run = shop.start(HTTP)
    service._places.acquire()

    assert service.wait(run, time.monotonic() + 300).state is RunState.QUEUED
