"""`penstock runs` and `penstock gate show` against a service over HTTP."""

import json

import pytest

from tests.webhooks.bench import Bench
from tests.webhooks.test_gate_command import url
from webhooks.cli.gate import main as gate_main
from webhooks.cli.runs import main as runs_main
from webhooks.protocol import HookType
from webhooks.store.records import RunState

__all__ = ["url"]


@pytest.fixture
def run_id(bench: Bench) -> str:
    bench.call(HookType.PRE_ROLLOUT, test="suite", wait="1ms")
    return bench.under_way()[0].id


def test_runs_are_listed(run_id: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs_main(["list", "--url", url, "--canary", "ad.weather"]) == 0

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["RUN", "CANARY", "HOOK", "TEST", "STATE", "REASON"]
    assert row.split() == [run_id, "ad.weather", "pre-rollout", "suite", "queued"]


def test_no_run_is_said(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs_main(["list", "--url", url])

    assert capsys.readouterr().out == "no run\n"


def test_a_run_is_shown(run_id: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs_main(["show", run_id, "--url", url])

    assert "\nstate       queued\n" in capsys.readouterr().out


def test_a_run_that_is_not_there_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs_main(["wait", "nobody", "--url", url]) == 1
    assert "answered 404: run: 'nobody' names nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("state", "status"), [(RunState.PASSED, 0), (RunState.FAILED, 1), (RunState.LOST, 1)])
def test_waiting_gives_the_verdict_as_the_exit_status(
    bench: Bench, run_id: str, url: str, state: RunState, status: int
) -> None:
    bench.end(state)

    assert runs_main(["wait", run_id, "--url", url]) == status


@pytest.mark.usefixtures("run_id")
def test_waiting_for_a_run_that_goes_on_ends_in_time(bench: Bench, url: str) -> None:
    assert runs_main(["wait", bench.under_way()[0].id, "--seconds", "0", "--url", url]) == 2


def test_a_run_is_cancelled(bench: Bench, run_id: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = runs_main(["cancel", run_id, "--who", "ann", "--why", "late", "--url", url, "--output", "json"])

    assert (status, bench.under_way()[0].cancel) == (0, "cancelled by ann: late")
    assert json.loads(capsys.readouterr().out)["id"] == run_id


def test_logs_are_shown(bench: Bench, run_id: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.store.logs.append(run_id, b"one\ntwo\n", 100)

    runs_main(["logs", run_id, "--url", url])
    runs_main(["logs", run_id, "--url", url, "--output", "json"])

    assert capsys.readouterr().out == 'one\ntwo\n{\n  "log": "one\\ntwo\\n"\n}\n'


def test_every_word_on_a_gate_is_shown(bench: Bench, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")
    gate_main(["approve", "ad.weather", "promotion", "--who", "ann", "--lasts", "1h", "--url", url])
    capsys.readouterr()

    gate_main(["show", "ad.weather", "promotion", "--url", url])

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:] for line in lines] == [["STATE", "TEMPLATE", "WHO", "WHY"], ["waiting"], ["open", "ann"]]


def test_gates_are_written_as_json(bench: Bench, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")

    gate_main(["list", "--url", url, "--output", "json"])

    assert json.loads(capsys.readouterr().out)[0]["state"] == "waiting"
