"""What the platform and the operator are told: readiness, figures, the log."""

import fcntl
import json
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.webhooks.bench import AdService, Bench
from tests.webhooks.served import ROOT, Served, eventually, serving
from webhooks.app import compose
from webhooks.errors import StoreError
from webhooks.protocol import HookType
from webhooks.runs.process import runner_lives
from webhooks.settings import LogFormat, Settings
from webhooks.telemetry.logs import JsonFormatter, TextFormatter

CATALOG = ROOT / "examples" / "ad-service" / "catalog.yaml"
PAYLOAD = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "r2"}


@pytest.fixture
def client(bench: Bench, tmp_path: Path) -> FlaskClient:
    return compose(bench.service, Settings(data_dir=tmp_path)).test_client()


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[Path]:
    with (tmp_path / "runner.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield tmp_path / "runner.lock"


def test_it_is_ready_while_a_runner_works(client: FlaskClient, lock: Path) -> None:
    assert lock.exists()
    assert client.get("/readyz").status_code == 200


def test_it_is_not_ready_without_a_runner(client: FlaskClient, tmp_path: Path) -> None:
    before = client.get("/readyz")
    (tmp_path / "runner.lock").write_text("")

    assert (before.status_code, before.text, before.headers["Retry-After"]) == (503, "the runner is not alive", "2")
    assert not runner_lives(tmp_path)


def test_a_runner_that_hangs_is_not_alive(client: FlaskClient, lock: Path) -> None:
    os.utime(lock, (0, 0))

    assert client.get("/readyz").status_code == 503


def test_it_is_not_ready_without_its_store(bench: Bench, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StoreError("gone")

    monkeypatch.setattr(bench.store, "probe", fail)

    assert client.get("/readyz").text == "the store cannot be reached"


def figure(text: str, name: str) -> float:
    match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(match[1]) if match else 0.0


def test_hooks_are_counted_by_type_and_status(client: FlaskClient) -> None:
    name = 'penstock_hooks_total{status="403",type="rollback"}'
    before = figure(client.get("/metrics").text, name)
    client.post("/hooks/rollback", json=PAYLOAD)
    after = client.get("/metrics").text

    assert figure(after, name) == before + 1
    assert 'penstock_hook_seconds_bucket{le="0.005",type="rollback"}' in after


def test_runs_and_gates_are_counted_as_the_store_has_them(client: FlaskClient) -> None:
    client.post("/hooks/confirm-promotion", json=PAYLOAD)
    client.post("/hooks/pre-rollout", json=PAYLOAD | {"metadata": {"test": "suite", "wait": "10ms"}})
    text = client.get("/metrics").text

    assert figure(text, 'penstock_runs{state="queued"}') == 1
    assert figure(text, 'penstock_gates{state="waiting"}') == 1
    assert figure(text, 'penstock_processes{part="service"}') >= 1


def test_a_running_load_shows_what_it_measured(bench: Bench, client: FlaskClient) -> None:
    bench.call(HookType.PRE_ROLLOUT, test="load", wait="1ms")
    bench.report(200, 3)
    (run,) = bench.under_way()
    text = client.get("/metrics").text
    whose, run_and_test = 'canary="ad",namespace="weather"', f'run="{run.id}",test="load"'

    assert figure(text, f"penstock_load_requests_total{{{whose},{run_and_test}}}") == 200
    assert figure(text, f"penstock_load_failures_total{{{whose},{run_and_test}}}") == 3
    assert figure(text, f'penstock_load_response_seconds{{{whose},quantile="0.99",{run_and_test}}}') > 0


def test_a_request_keeps_its_id(client: FlaskClient) -> None:
    given = client.get("/healthz", headers={"X-Request-Id": "a-7"}).headers["X-Request-Id"]
    made = [client.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] for _ in range(2)]

    assert given == "a-7"
    assert len(set(made)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)


def test_an_answer_is_one_event_with_its_fields(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.INFO, "penstock.hooks"):
        client.post("/hooks/rollback", json=PAYLOAD, headers={"X-Request-Id": "a-7"})
    document = json.loads(caplog.text)

    wanted = {"canary": "ad.weather", "hook": "rollback", "request_id": "a-7", "status": 403, "msg": "hook answered"}
    assert wanted.items() <= document.items()


def test_the_run_of_a_call_is_in_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.INFO, "penstock.runs"):
        client.post("/hooks/pre-rollout", json=PAYLOAD | {"metadata": {"test": "suite", "wait": "10ms"}})
    document = json.loads(caplog.text.splitlines()[0])

    assert (document["msg"], document["canary"], document["hook"]) == ("run queued", "ad.weather", "pre-rollout")
    assert re.fullmatch(r"[0-9a-f]{32}", document["run"])


def make_record(**fields: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "penstock", "levelname": "INFO", "msg": "done"})
    record.fields = fields
    return record


def test_an_event_as_text_has_its_fields_on_one_line() -> None:
    assert (
        TextFormatter()
        .format(make_record(state="passed", reason="a\nb"))
        .endswith("penstock INFO done state=passed reason='a\\nb'")
    )


def test_an_error_as_json_has_its_trace_in_one_line() -> None:
    record = make_record()
    try:
        int("no")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = JsonFormatter().format(record)

    assert "ValueError: invalid" in json.loads(line)["error"]
    assert "\n" not in line


@pytest.fixture
def served(tmp_path: Path, ad: AdService) -> Iterator[Served]:
    resolve = f"ad-canary.weather:3003={ad.address}"
    flags = ["--catalog", str(CATALOG), "--resolve", resolve, "--log-format", LogFormat.JSON.value]
    with serving(tmp_path / "data", *flags) as made:
        yield made.settle()


def get(served: Served, path: str) -> str:
    try:
        with urllib.request.urlopen(served.url + path, timeout=10) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def test_the_whole_service_counts_and_logs_together(served: Served, tmp_path: Path) -> None:
    eventually(lambda: get(served, "/readyz") == "OK", "a runner")
    for _ in range(20):
        served.hook("rollback")
    served.hook("pre-rollout", test="ad-contract", wait="30s")
    text = get(served, "/metrics")
    events = [json.loads(line) for line in (tmp_path / "serve.log").read_text().splitlines() if line.startswith("{")]

    assert figure(text, 'penstock_hooks_total{status="403",type="rollback"}') == 20
    assert figure(text, 'penstock_runs_ended_total{kind="http",outcome="passed"}') == 1
    assert figure(text, 'penstock_processes{part="service"}') == 4
    assert {"hook answered", "run queued", "run ended"} <= {event["msg"] for event in events}


def test_what_is_kept_is_the_owners_alone(served: Served) -> None:
    modes = {path.stat().st_mode & 0o077 for path in [served.data_dir, *served.data_dir.rglob("*")]}

    assert modes == {0}
