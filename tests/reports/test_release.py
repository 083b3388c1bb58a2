import json
from pathlib import Path
from typing import Any

import pytest

from workflows.errors import ConfigurationError
from workflows.reports.release import ReleaseReport, to_dict, write_json
from workflows.rollout.state import Outcome


def documents(*releases: ReleaseReport) -> list[dict[str, Any]]:
    written: dict[str, Any] = json.loads(json.dumps(to_dict(releases)))
    found: list[dict[str, Any]] = written["releases"]
    return found


def test_the_report_holds_what_the_story_asks_for(promoted: ReleaseReport, rolled_back: ReleaseReport) -> None:
    first, second = documents(promoted, rolled_back)

    assert first["name"] == "ad v1 to v2"
    assert (first["outcome"], first["weights"], first["failed_checks"]) == ("promoted", [0, 50], 0)
    assert (first["duration_s"], first["user_requests"], first["user_failures"]) == (20.0, 200, 0)
    assert second["outcome"] == "rolled_back"
    assert second["reason"] == "p99 above 60000ms > 500ms"


def test_a_decision_is_told_with_its_checks(rolled_back: ReleaseReport) -> None:
    decision = documents(rolled_back)[0]["decisions"][0]

    assert decision["at"] == "2026-01-01T12:00:05+00:00"
    assert (decision["weight"], decision["verdict"]) == (20, "failed")
    assert decision["checks"][1] == {
        "name": "errors",
        "value": None,
        "limit": "<= 1",
        "verdict": "inconclusive",
        "reason": "no values found",
    }


def test_a_decision_that_judged_nothing_has_no_verdict(promoted: ReleaseReport) -> None:
    assert documents(promoted)[0]["decisions"][1]["verdict"] is None


def test_what_json_cannot_say_is_null(rolled_back: ReleaseReport, tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", [rolled_back])

    release = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)["releases"][0]
    assert release["decisions"][0]["checks"][0]["value"] is None
    assert release["timeline"][0]["canary_p99_ms"] is None


def test_the_file_is_put_in_place_in_one_step(promoted: ReleaseReport, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"

    write_json(path, [promoted])
    write_json(path, [promoted, promoted])

    assert len(json.loads(path.read_text())["releases"]) == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_a_path_that_cannot_be_written_is_named(promoted: ReleaseReport, tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()

    with pytest.raises(ConfigurationError, match=r"report .*report\.json: Is a directory"):
        write_json(tmp_path / "report.json", [promoted])

    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_release_without_records_lasts_as_long_as_it_says() -> None:
    report = ReleaseReport("ad", Outcome.FAILED, (), 0, "primary not ready", 12.5)

    assert report.span_s == 12.5
    assert report.moments == ()


def test_a_record_behind_the_end_is_still_drawn(rolled_back: ReleaseReport) -> None:
    assert rolled_back.duration_s == 9.0
    assert rolled_back.span_s == 10.0
