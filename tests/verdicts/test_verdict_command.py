"""`penstock verdict`: the same verdict as an exit code, from a service, a Prometheus or the record of a release."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.metrics_server import serve
from tests.verdicts.two_arms import Prometheus
from workflows.cli import main
from workflows.cli.verdict import main as verdict
from workflows.clocks import MemoryClock, SystemClock
from workflows.rollout.phase import Phase
from workflows.rollout.state import Cause, RolloutState
from workflows.states.files import FileStateStore

CANARY = "examples/ad-service/canary.yaml"
HARMFUL = 0.2


def run(*words: str) -> int:
    return main(["verdict", CANARY, *words])


@pytest.fixture(params=["--prometheus", "--server"])
def way(request: pytest.FixtureRequest, prometheus: Prometheus) -> tuple[str, str]:
    """The two ways to have metrics judged."""
    asks_service = request.param == "--server"
    return request.param, request.getfixturevalue("service") if asks_service else prometheus.url


@pytest.mark.parametrize(
    ("traffic", "told"),
    [
        ({}, (0, "ad.weather: passed, score 100: success rate 100.00%")),
        ({"errors": HARMFUL}, (10, "ad.weather: failed, score 50: success rate 80.00% < 95%")),
        ({"rps": 0.0}, (11, "ad.weather: inconclusive: no values found for metric request-success-rate")),
    ],
)
def test_the_exit_code_tells_a_pipeline(
    way: tuple[str, str],
    prometheus: Prometheus,
    traffic: dict[str, float],
    told: tuple[int, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    vars(prometheus.traffic.canary).update(traffic)

    code = run(*way, "--window", "5m")

    assert (code, capsys.readouterr().out[: len(told[1])]) == told


def test_json_is_what_the_service_answers(way: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    run(*way, "--window", "5m", "--judge", "evidence", "--output", "json")

    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["verdict"], answer["score"]) == (True, "passed", 100)
    assert answer["reason"].startswith("judging by threshold instead of evidence: a rollout hook sends load to one arm")
    assert answer["metrics"]["request-duration"]["value"] == 100


def test_a_prometheus_that_is_away_is_trouble_for_a_while(
    way: tuple[str, str], prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    prometheus.traffic.away = True

    assert run(*way, "--window", "5m") == 75

    assert "the metrics server cannot be reached" in capsys.readouterr().err


def test_too_little_is_asked_about_until_it_is_enough(prometheus: Prometheus) -> None:
    # Every answer takes the memory clock five seconds on, and this one's patience ends after the third.
    prometheus.traffic.canary.rps = 0
    clock = MemoryClock()
    begun = clock.now()

    code = verdict([CANARY, "--prometheus", prometheus.url, "--window", "5m", "--wait", "12s"], clock)

    assert (code, clock.now() - begun) == (11, timedelta(seconds=12))


def test_trouble_is_asked_through_while_there_is_patience(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    prometheus.traffic.away = True

    class Healer(MemoryClock):
        def sleep(self, duration: timedelta) -> None:
            prometheus.traffic.away = False
            super().sleep(duration)

    code = verdict([CANARY, "--prometheus", prometheus.url, "--window", "5m", "--wait", "1m"], Healer())

    assert code == 0
    assert "asking again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        (RolloutState(Phase.PROGRESSING, weight=40, halt="p99 high"), 11, "Progressing at weight 40, failed checks 0"),
        (RolloutState(Phase.SUCCEEDED, cause=Cause.PROMOTED), 0, "passed, score 100: promoted"),
        (RolloutState(Phase.FAILED, cause=Cause.CHECKS, reason="p99"), 10, "failed, score 0: rolled back: p99"),
        (RolloutState(Phase.FAILED, cause=Cause.NO_DATA), 11, "inconclusive: rolled back"),
    ],
)
def test_the_record_of_a_release_has_a_verdict(
    tmp_path: Path, state: RolloutState, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FileStateStore(tmp_path, "ad.weather", SystemClock())
    store.save(state, store.acquire("somebody", timedelta(seconds=9)))

    assert run("--dir", str(tmp_path)) == code

    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--canary", "ad"], "name one canary: a file, or --canary NAME"),
        (["-n", "other"], "its namespace is weather, not other"),
        (["--window", "soon"], "window: 'soon' is not a duration"),
        (["--window", "1s"], "window: '1s' is not within 10s to 6h"),
        (["--window", "5m"], "name their server with --prometheus URL"),
        (["--judge", "evidence"], "window: missing; judge is for metrics"),
        (["--window", "5m", "--server", "http://a", "--prometheus", "http://b"], "--server, --prometheus: give one"),
        (["--server", "ftp://a"], "'ftp://a' is not an address"),
        (["--wait", "long"], "--wait: 'long' is not a duration"),
        (["--dir", "/no/such"], "no release of it is known in /no/such"),
    ],
)
def test_what_cannot_be_asked_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 78

    assert said in capsys.readouterr().err


def test_a_service_that_is_not_there_is_trouble_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--server", "http://127.0.0.1:9") == 75

    assert "is penstock serve running there?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, {"ok": True}, 78, "gave no verdict; is it the address of penstock serve?"),
        (200, "hello", 78, "gave no verdict"),
        (200, "[1]", 78, "gave no verdict"),
        (200, {"verdict": ["passed"]}, 78, "gave no verdict"),
        (200, {"verdict": "passed", "score": "high"}, 78, "gave no verdict"),
        (200, {"verdict": "passed", "metrics": {"x": 1}}, 78, "gave no verdict"),
        (401, {"detail": "no valid token"}, 78, "answered 401: no valid token"),
        (429, "slow down", 75, "answered 429: slow down"),
        (503, {"detail": "ask again"}, 75, "answered 503: ask again"),
    ],
)
def test_other_answers_are_told_with_the_way_out(
    status: int, body: Any, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as server:
        server.answer(body, status=status)
        assert run("--server", server.url) == code

    assert said in capsys.readouterr().err


def test_the_token_goes_with_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_TOKEN", "pst_secret")
    with serve() as server:
        server.answer({"verdict": "passed"})
        code = run("--server", server.url)

    assert (code, server.asked[0].headers["authorization"]) == (0, "Bearer pst_secret")
    assert server.asked[0].fields == {"canary": "ad.weather"}


def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PENSTOCK_TOKEN", "pst_se\ncret")

    assert run("--server", "http://127.0.0.1:9") == 78

    assert "cret" not in capsys.readouterr().err


def test_what_a_service_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[31mred\u202e\nnext"
    with serve() as server:
        server.answer(
            {"verdict": "passed", "reason": hostile, "metrics": {hostile: {"verdict": "x", "reason": hostile}}}
        )
        assert run("--server", server.url) == 0

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == 2
