"""The runner with real children: what it starts, ends, takes over and leaves behind."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.webhooks.bench import AD, AdService
from webhooks.catalog import read_catalog
from webhooks.checks.job import Job
from webhooks.errors import StoreError
from webhooks.routes.api.reports import write_junit
from webhooks.runs import Bell, RunService, process
from webhooks.runs.changes import change
from webhooks.runs.child import Child
from webhooks.runs.families import end_marked, find_marked
from webhooks.runs.runner import Runner
from webhooks.store.memory import MemoryStore
from webhooks.store.records import CanaryName, LoadWatch, Run, RunOrder, RunState

PATIENCE_S = 30.0


class Workshop:
    """Hold a store and a runner, and step the runner until something holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.later_s = 0.0
        self.store = MemoryStore()
        self.bell = Bell(folder / "bell")
        self.service = RunService(self.store.runs, self.bell, self.now, 4)
        self.runner = self.make_runner()

    def now(self) -> float:
        return time.time() + self.later_s

    def make_runner(self) -> Runner:
        return Runner(self.store, self.bell, self.now, {"PATH": os.environ["PATH"], "SECRET": "x"})

    def start(self, fields: str, *, connect: str = "", key: str = "k", watch: LoadWatch | None = None) -> Run:
        test = read_catalog(f"tests: {{t: {{{fields}}}}}", self.folder).tests["t"]
        order = RunOrder(key, AD, 1, "pre-rollout", "t", test.definition, "http://ad-canary.weather:80", connect)
        return self.service.start(order, watch)

    def find(self, run: Run) -> Run:
        found = self.store.runs.find(run.id)
        assert found is not None
        return found

    def step_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "the runner did not get there in time"
            self.runner.step()

    def finish(self, run: Run) -> Run:
        self.step_until(lambda: self.find(run).state.ended)
        return self.find(run)

    def reach(self, run: Run, state: RunState) -> Run:
        self.step_until(lambda: self.find(run).state is state)
        return self.find(run)

    def suite(self, body: str) -> str:
        (self.folder / "test_it.py").write_text(body)
        return "kind: pytest, path: test_it.py"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.runner.close()


HTTP = "kind: http, requests: [{path: /ad}]"


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
