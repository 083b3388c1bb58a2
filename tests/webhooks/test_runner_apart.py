"""A runner that stands apart: it claims work over HTTP with a token that is good for nothing else."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tests.webhooks.bench import AD
from tests.webhooks.served import PATIENCE_S, ROOT, command, serving
from webhooks.access import make_token
from webhooks.access.scopes import Scope
from webhooks.app import compose
from webhooks.catalog import CatalogFile, read_catalog
from webhooks.cli import runner
from webhooks.cli.runner import main as runner_main
from webhooks.errors import SettingsError, StoreError
from webhooks.hooks import HookService
from webhooks.runs import Bell, RunService
from webhooks.runs.remote import RemoteStore
from webhooks.runs.runner import Runner
from webhooks.settings import AuthMode, RunnerMode, Settings
from webhooks.store import documents
from webhooks.store.memory import MemoryStore
from webhooks.store.records import LoadWatch, Run, RunOrder, RunState


class Office:
    """Serve a store to runners on loopback."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.token_file = folder / "token"
        token, line = make_token("runner", frozenset({Scope.RUNNER}))
        self.token_file.write_text(token + "\n")
        (folder / "tokens").write_text(line + "\n")
        self.settings = Settings(
            auth=AuthMode.TOKENS, tokens=folder / "tokens", runner=RunnerMode.APART, log_limit_bytes=100
        )
        runs = RunService(self.store.runs, None, time.time, 1)
        self.app = compose(HookService(self.store, CatalogFile(None), runs, self.settings), self.settings)
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.remote = RemoteStore(self.url, self.token_file)

    def add(self, fields: str = "kind: command, argv: [echo, hello]") -> Run:
        test = read_catalog(f"tests: {{t: {{{fields}}}}}", Path()).tests["t"]
        order = RunOrder("k", AD, 1, "pre-rollout", "t", test.definition, "http://ad.weather")
        return self.store.runs.join(Run("a" * 32, order, 1.0))

    def find(self) -> Run:
        found = self.store.runs.find("a" * 32)
        assert found is not None
        return found

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(5)


def test_a_runner_apart_runs_what_is_queued_and_brings_log_and_verdict(office: Office, tmp_path: Path) -> None:
    run = office.add()
    worker = Runner(office.remote, Bell(tmp_path / "bell"), time.time, {"PATH": os.environ["PATH"]})
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.closing(worker):
        while not office.find().state.ended:
            assert time.monotonic() < deadline
            worker.step()

    assert (office.find().state, office.find().reason) == (RunState.PASSED, "exit status 0")
    assert office.store.logs.read(run.id) == b"hello\n"


OTHERS = [
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/gates"),
    ("POST", "/api/v1/gates/weather/ad/promotion/approve"),
    ("POST", f"/api/v1/runs/{'a' * 32}/cancel"),
    ("POST", "/gate/open"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_the_token_of_a_runner_is_good_for_nothing_else(office: Office, method: str, path: str) -> None:
    answer = office.app.test_client().open(path, method=method, headers=office.headers(), json={})

    assert (answer.status_code, "runner has no scope" in answer.text) == (403, True)


def test_whoever_has_no_such_token_is_no_runner(office: Office) -> None:
    office.token_file.write_text("pst_other")

    assert office.app.test_client().get("/runner/v1/runs").status_code == 401
    with pytest.raises(SettingsError, match="token-file: refused by the service"):
        office.remote.check()
    with pytest.raises(StoreError, match="answered 401"):
        office.remote.runs.select({RunState.QUEUED})


def test_a_runner_changes_the_state_of_a_run_and_not_what_is_run(office: Office) -> None:
    run = office.add()
    office.store.runs.save(replace(run, cancel="wrong version", watch=LoadWatch(9, 9, 9, "{}", "passed", "fine")))
    found = office.remote.runs.find(run.id)
    assert found is not None
    forged = replace(found.order, definition="{}", target="http://elsewhere")
    watch = LoadWatch(0, 0, 0, "", "failed", "forged")

    office.remote.runs.save(replace(found, order=forged, cancel="", owner="me", watch=watch))

    kept = office.find()
    assert (kept.order, kept.cancel, kept.owner) == (run.order, "wrong version", "me")
    assert kept.watch == LoadWatch(9, 9, 9, "", "passed", "fine")


def test_a_run_that_has_ended_or_changed_is_not_changed(office: Office) -> None:
    run = office.add()
    newer = office.store.runs.save(replace(run, state=RunState.PASSED))
    assert newer is not None

    told = [office.remote.runs.save(one) for one in (run, replace(newer, state=RunState.QUEUED))]

    assert (told, office.find().state) == ([None, None], RunState.PASSED)
    assert office.remote.runs.select({RunState.QUEUED, RunState.RUNNING}) == ()


def test_a_run_that_another_runner_takes_first_is_not_changed(office: Office) -> None:
    class Contested(MemoryStore):
        def __init__(self, runs: object) -> None:
            super().__init__()
            self.runs = self  # type: ignore[assignment] # somebody else is always faster with these
            self.find = runs.find  # type: ignore[attr-defined] # a store of runs

        def save(self, _: Run) -> None:
            return None

    run = office.add()
    office.app = compose(
        HookService(
            Contested(office.store.runs),
            CatalogFile(None),
            RunService(office.store.runs, None, time.time, 1),
            office.settings,
        ),
        office.settings,
    )

    answer = office.app.test_client().put(
        f"/runner/v1/runs/{run.id}", data=documents.write_run(run), headers=office.headers()
    )

    assert (answer.status_code, answer.text) == (409, f"run {run.id}: changed meanwhile\n")


def test_a_log_is_bounded_by_the_service_and_ends_with_the_run(office: Office) -> None:
    run = office.add()
    office.store.runs.save(replace(run, state=RunState.RUNNING))
    sizes = [office.remote.logs.append(run.id, b"x" * 90, 1000) for _ in range(2)]
    office.store.runs.save(replace(office.find(), state=RunState.FAILED))

    assert (sizes, office.remote.logs.append(run.id, b"late", 1000)) == ([90, 100], 1000)
    assert office.remote.runs.find("b" * 32) is None


def test_old_runs_are_forgotten_as_the_service_says(office: Office) -> None:
    office.store.runs.save(replace(office.add(), state=RunState.PASSED, ended_at=1.0))

    office.remote.runs.prune(0.0, 0)

    assert office.store.runs.find("a" * 32) is None


BROKEN: list[Mapping[str, object]] = [{"starts": "two"}, {"report": "{"}, {"state": "great"}, {"version": None}]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_run_that_is_none_is_refused(office: Office, broken: Mapping[str, object]) -> None:
    document = {**json.loads(documents.write_run(office.add())), **broken}

    answer = office.app.test_client().put(f"/runner/v1/runs/{'a' * 32}", json=document, headers=office.headers())

    assert (answer.status_code, answer.text.startswith("body: ")) == (400, True)


def test_a_service_that_cannot_be_reached_is_trouble_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pst_x")

    with pytest.raises(StoreError, match=r"http://127.0.0.1:1/runner/v1: "):
        RemoteStore("http://127.0.0.1:1", tmp_path / "token").runs.find("a")


STRANGERS = [
    (302, b"", "/runs answered 302"),
    (200, b"<html>", "/runs is not answered by a penstock serve --runner apart"),
    (200, b'{"runs": ["{}"]}', "a run of the service cannot be read"),
    (503, b"away", "/runs answered 503: away"),
]


@pytest.mark.parametrize(("status", "body", "told"), STRANGERS)
def test_what_a_stranger_answers_is_trouble_of_the_store(office: Office, status: int, body: bytes, told: str) -> None:
    office.server.app = Response(body, status, headers={"Location": "/elsewhere"})

    with pytest.raises(StoreError, match=told):
        office.remote.runs.select({RunState.QUEUED})


def test_a_service_that_is_not_there_yet_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("pst_x")

    runner._reach("http://127.0.0.1:1", str(tmp_path / "token"))

    assert "; trying again" in capsys.readouterr().err


ARGUMENTS = [
    ([], "service: say where it is; give it with --service URL and --token-file FILE"),
    (["--service", "http://127.0.0.1:1"], "token-file: name the file with a token of scope runner"),
    (["--service", "http://127.0.0.1:1", "--token-file", "/gone"], "token-file: /gone cannot be read"),
    (["--service", "ftp://x", "--token-file", "/dev/null"], "service: 'ftp://x' is not an http or https URL"),
    (["--runs-at-once", "0"], "runs-at-once: 0"),
]


@pytest.mark.parametrize(("argv", "told"), ARGUMENTS)
def test_what_is_wrong_with_a_runner_is_one_line(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_URL", raising=False)

    assert runner_main(argv) == 78
    assert f"penstock runner: {told}" in capsys.readouterr().err


def test_a_service_that_runs_its_tests_itself_needs_no_runner(office: Office) -> None:
    settings = replace(office.settings, runner=RunnerMode.HERE)
    service = HookService(office.store, CatalogFile(None), RunService(office.store.runs, None, time.time, 1), settings)
    office.server.app = compose(service, settings)

    with pytest.raises(SettingsError, match="service: it runs its tests itself; start it with --runner apart"):
        office.remote.check()


CATALOG = "tests: {t: {kind: command, argv: [sh, -c, 'env; echo done']}}"


def test_a_service_without_a_runner_is_served_by_one_apart(tmp_path: Path) -> None:
    token, line = make_token("runner", frozenset({Scope.RUNNER}))
    for name, text in (("token", token), ("tokens", line), ("catalog.yaml", CATALOG)):
        (tmp_path / name).write_text(text)
    flags = ["--catalog", str(tmp_path / "catalog.yaml"), "--tokens", str(tmp_path / "tokens"), "--runner", "apart"]
    with serving(tmp_path / "data", *flags) as served:
        asked = command("runner", "--service", served.url, "--token-file", str(tmp_path / "token"))
        with subprocess.Popen(asked, cwd=ROOT, stderr=subprocess.PIPE, text=True) as worker:
            answer = served.hook("pre-rollout", test="t", wait="30s")
            with urllib.request.urlopen(served.url + "/readyz", timeout=PATIENCE_S) as page:  # noqa: S310 - loopback
                ready = page.status
            worker.send_signal(signal.SIGTERM)
            _, told = worker.communicate(timeout=PATIENCE_S)

    assert (answer, worker.returncode) == ((200, "t passed: exit status 0"), 0), told
    assert ready == 200
