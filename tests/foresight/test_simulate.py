"""What a release would do, told beforehand by `penstock simulate`."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.cli import main

CANARY = "examples/ad-service/canary.yaml"
FEW = ("--rps", "50", "--runs", "6")


def simulate(capsys: pytest.CaptureFixture[str], *words: str, file: str = CANARY) -> list[dict[str, Any]]:
    assert main(["simulate", file, *FEW, *words, "--output", "json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def pick(rows: list[dict[str, Any]], judge: str, canary: str) -> dict[str, Any]:
    return next(row for row in rows if (row["judge"], row["canary"]) == (judge, canary))


def test_both_judges_promote_a_good_canary_and_stop_one_that_fails_half_its_requests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = simulate(capsys)
    for judge in ("threshold", "evidence"):
        assert pick(rows, judge, "as good as the primary")["promoted"] == 1
        assert pick(rows, judge, "50 % errors")["stopped"] == 1


def test_evidence_stops_a_bad_canary_after_fewer_failed_requests(capsys: pytest.CaptureFixture[str]) -> None:
    rows = simulate(capsys)
    by_threshold, by_evidence = (pick(rows, judge, "50 % errors") for judge in ("threshold", "evidence"))
    assert by_evidence["failed"] * 20 < by_threshold["failed"]
    assert by_evidence["median_s"] < by_threshold["median_s"]


def test_the_same_seed_gives_the_same_forecast_and_another_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    first, again, other = (simulate(capsys, "--seed", seed, "--judge", "threshold") for seed in "778")
    assert first == again != other


def test_without_errors_there_are_no_multiples_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    rows = simulate(capsys, "--base-errors", "0", "--judge", "evidence")
    assert [row["canary"] for row in rows] == ["as good as the primary", "50 % errors", "latency x1.5"]


def test_a_table_says_how_far_each_share_can_be_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", CANARY, *FEW, "--judge", "threshold"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("6 releases of each kind, seed 1")
    assert "100 % (61 to 100)" in out
    assert "threshold: good canaries stopped: 0 % (0 to 39); bad ones promoted: 2x errors 100 % (61 to 100)" in out


def test_the_drawing_has_a_panel_for_each_judge(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    drawing = tmp_path / "forecast.svg"
    simulate(capsys, "--svg", str(drawing))
    text = drawing.read_text()
    assert text.count("share of releases stopped so far") == 2
    assert text.count("latency x1.5") == 2


def test_a_service_without_traffic_is_never_promoted(capsys: pytest.CaptureFixture[str]) -> None:
    rows = simulate(capsys, "--rps", "0.001", "--runs", "2")
    assert {row["promoted"] for row in rows} == {0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rps", "many"], "--rps: 'many' is not a number above 0"),
        (["--rps", "-1"], "--rps: '-1' is not a number above 0"),
        (["--base-errors", "120%"], "--base-errors: '120%' is not a share"),
        (["--base-errors", "few"], "--base-errors: 'few' is not a share"),
        (["--latency", "0ms"], "--latency: '0' is not a number above 0"),
        (["--runs", "0"], "--runs: '0' is not a whole number from 1"),
        (["--judge", "coin"], "--judge: "),
        (["--interval", "soon"], "--interval: 'soon'"),
        (["--svg", "/nowhere/at/all.svg"], "name another file with --svg"),
    ],
)
def test_a_bad_value_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["simulate", CANARY, "--rps", "50", "--runs", "1", *words]) == 78
    ended = capsys.readouterr()
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"analysis": {"iterations": 3, "stepWeight": None}}, "only weight steps can be simulated"),
        ({"analysis": {"mirror": True}}, "only weight steps can be simulated"),
        ({"suspend": True}, "leave nothing to simulate"),
        ({"skipAnalysis": True}, "leave nothing to simulate"),
    ],
)
def test_a_plan_without_shares_that_can_be_known_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, spec: dict[str, Any], said: str
) -> None:
    document = yaml.safe_load(Path(CANARY).read_text())
    analysis = {**document["spec"]["analysis"], **spec.pop("analysis", {})}
    document["spec"] |= {**spec, "analysis": {key: value for key, value in analysis.items() if value is not None}}
    (tmp_path / "canary.yaml").write_text(yaml.safe_dump(document))
    assert main(["simulate", str(tmp_path / "canary.yaml"), *FEW]) == 78
    assert said in capsys.readouterr().err
