"""What would have been decided in the past: of a service by its Prometheus, of releases by their journals."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.foresight.past_prometheus import BEGIN, Service, remembering
from tests.journal import journals
from tests.ports.hook_server import Told, free_port, serving
from workflows.cli import main

CANARY = "examples/ad-service/canary.yaml"
HOURS = 3600


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(BEGIN + seconds, UTC).isoformat()


def span(end: int = 3 * HOURS) -> list[str]:
    return ["--from", moment(0), "--to", moment(end), "--interval", "10s"]


def backtest(capsys: pytest.CaptureFixture[str], service: Service, *words: str) -> list[dict[str, Any]]:
    with remembering(service) as server:
        assert main(["backtest", CANARY, "--prometheus", server.url, *span(), *words, "--output", "json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("judge", ["threshold", "evidence"])
def test_in_a_quiet_past_every_release_would_have_been_promoted(capsys: pytest.CaptureFixture[str], judge: str) -> None:
    found = backtest(capsys, Service(), "--judge", judge)
    assert len(found) == 6
    assert {each["outcome"] for each in found} <= {"promoted", None}
    assert found[0]["outcome"] == "promoted"


def test_an_incident_that_both_versions_shared_stops_a_release_by_thresholds_and_not_by_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = Service(incident=(HOURS, HOURS + 1500))
    by_threshold = backtest(capsys, service, "--judge", "threshold")
    by_evidence = backtest(capsys, service, "--judge", "evidence")
    assert [each["outcome"] for each in by_threshold][2] == "rolled_back"
    assert "success rate" in by_threshold[2]["reason"]
    assert "evidence of harm" not in " ".join(each["reason"] for each in by_evidence)


def test_false_alarms_are_listed_with_their_moment_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with remembering(Service(incident=(0, 3 * HOURS))) as server:
        words = ["--prometheus", server.url, *span(), "--every", "5m"]
        assert main(["backtest", CANARY, *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2025-06-15 15:06 stopped after ")
    assert "... and 16 more" in out
    assert "ad.weather, judge threshold: 36 releases; 100 % (90 to 100) of them stopped" in out


def test_a_release_that_the_past_does_not_cover_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with remembering(Service()) as server:
        assert main(["backtest", CANARY, "--prometheus", server.url, *span(end=15)]) == 0
    assert "1 releases, 1 went on past the end; none came to an end" in capsys.readouterr().out


def test_times_may_be_so_long_ago_or_without_a_zone(capsys: pytest.CaptureFixture[str]) -> None:
    with remembering(Service()) as server:
        assert main(["backtest", CANARY, "--prometheus", server.url, "--from", "2h", "--to", "1h"]) == 0
        asked = [float(fields["start"]) for fields in server.asked]
        plain = datetime.fromtimestamp(BEGIN, UTC).replace(tzinfo=None).isoformat()
        assert main(["backtest", CANARY, "--prometheus", server.url, "--from", plain, "--to", moment(1800)]) == 0
        assert float(server.asked[-2]["start"]) == BEGIN
    assert asked[0] > BEGIN
    assert "2 releases" in capsys.readouterr().out


def test_a_long_past_is_asked_for_in_parts() -> None:
    with remembering(Service()) as server:
        assert main(["backtest", CANARY, "--prometheus", server.url, *span()]) == 0
        starts = [float(fields["start"]) for fields in server.asked if "_bucket" not in fields["query"]]
    assert len(starts) == 9 + 1
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "soon"], "--from: 'soon' is not a duration"),
        (["--every", "0s"], "--every: '0s' is less than 1 s"),
        (["--from", "1h", "--to", "2h"], "0 releases; 1 to 5000 can be tried"),
        (["--judge", "coin"], "--judge: "),
        (["another.yaml"], "name one file with one Canary"),
    ],
)
def test_a_bad_value_is_said_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with remembering(Service()) as server:
        assert main(["backtest", CANARY, *words, "--prometheus", server.url]) == 78
        assert server.asked == []
    assert said in capsys.readouterr().err


def test_a_service_that_had_no_traffic_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with remembering(Service(rps=0)) as server:
        assert main(["backtest", CANARY, "--prometheus", server.url, *span()]) == 78
    assert "no requests of ad.weather between --from and --to" in capsys.readouterr().err


def test_a_prometheus_that_is_away_or_answers_otherwise_is_temporary_trouble(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["backtest", CANARY, "--prometheus", f"http://127.0.0.1:{free_port()}", *span()]) == 75
    vector = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}})
    odd = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}}]}})
    for body in (vector, odd):
        with serving(Told(200, body)) as server:
            assert main(["backtest", CANARY, "--prometheus", f"http://127.0.0.1:{server.port}", *span()]) == 75
    assert "a vector holds no past counters" in capsys.readouterr().err


def release(tmp_path: Path, name: str, *words: str) -> str:
    journal = tmp_path / f"{name}.journal.jsonl"
    assert main(["run", CANARY, "--platform", "memory", "--journal", str(journal), *words]) == 0
    return str(journal)


def test_another_judge_looks_at_what_a_journal_recorded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    journal = release(tmp_path, "ad")
    capsys.readouterr()
    for judge in ("evidence", "threshold"):
        assert main(["backtest", journal, "--judge", judge]) == 0
        assert f"{judge} would have let it go on" in capsys.readouterr().out


def test_journals_can_be_judged_for_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    journal = release(tmp_path, "ad", "--judge", "evidence")
    capsys.readouterr()
    assert main(["backtest", journal, "--judge", "threshold", "--output", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["happened"], found["judge"], found["stopped_s"]) == ("promoted", "threshold", None)
    assert found["windows"] > 5


def test_journals_need_a_judge(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "ad.journal.jsonl"]) == 78
    assert "name the judge that is to look at the journals" in capsys.readouterr().err


def test_a_journal_of_a_bad_release_says_when_another_judge_would_have_stopped_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    journals.bad(tmp_path / "ad.journal.jsonl")
    for judge in ("evidence", "threshold"):
        assert main(["backtest", str(tmp_path), "--judge", judge]) == 0
        assert f"rolled back after 20 s and 3 windows; {judge} would have stopped it after" in capsys.readouterr().out


def test_a_journal_without_windows_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    journals.Recording(tmp_path / "ad.journal.jsonl").tick().close()
    assert main(["backtest", str(tmp_path), "--judge", "evidence"]) == 0
    assert "it holds no window to judge" in capsys.readouterr().out
