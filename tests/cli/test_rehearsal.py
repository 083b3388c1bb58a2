"""`penstock run --platform memory`: rehearse a Canary file in no time."""

import json
from pathlib import Path

import pytest

from workflows.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"

LADDERS = {
    "ad-service/canary.yaml": [0, 20, 40, 60, 80, 100],
    "canaries/ab-testing.yaml": [0, 100],
    "canaries/step-weights.yaml": [0, 1, 2, 5, 10, 25, 50, 80],
    "canaries/mirroring.yaml": [0, 10, 20, 30, 40, 50],
    "canaries/v1alpha3.yaml": [0, 20, 40, 60, 80, 100],
}


@pytest.mark.parametrize(("file", "weights"), LADDERS.items())
def test_an_example_is_rehearsed_to_its_promotion(file: str, weights: list[int], tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    code = main(["run", str(EXAMPLES / file), "--platform", "memory", "--report", str(report)])

    (release,) = json.loads(report.read_text())["releases"]
    assert (code, release["outcome"], release["weights"]) == (0, "promoted", weights)


@pytest.mark.parametrize("file", sorted(path.name for path in (EXAMPLES / "canaries").glob("*.yaml")))
def test_every_example_can_be_rehearsed(file: str) -> None:
    assert main(["run", str(EXAMPLES / "canaries" / file), "--platform", "memory"]) == 0


def test_a_rehearsal_tells_the_story_as_events(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", str(EXAMPLES / "ad-service" / "canary.yaml"), "--platform", "memory"])

    told = capsys.readouterr()
    assert "Normal  ad.weather Advance ad.weather canary weight 60" in told.err
    assert told.out == "ad.weather: promoted after weights 0, 20, 40, 60, 80, 100\n"


def test_the_judge_of_a_rehearsal_can_be_chosen(tmp_path: Path) -> None:
    report, file = tmp_path / "report.json", EXAMPLES / "ad-service" / "canary.yaml"

    code = main(["run", str(file), "--platform", "memory", "--judge", "evidence", "--report", str(report)])

    (release,) = json.loads(report.read_text())["releases"]
    assert (code, release["weights"]) == (0, [0, 1, 5, 20, 40, 60, 80, 100])
    assert "weight 100 passed" in release["decisions"][-1]["reason"]


def test_an_unknown_judge_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    file = EXAMPLES / "ad-service" / "canary.yaml"

    assert main(["run", str(file), "--platform", "memory", "--judge", "jury"]) == 78
    assert "--judge: unknown judge 'jury'; known: threshold, evidence, evidence-strict" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    report = str(tmp_path / "file" / "report.json")

    code = main(["run", str(EXAMPLES / "ad-service" / "canary.yaml"), "--platform", "memory", "--report", report])

    assert code == 78
    assert f"report {report}" in capsys.readouterr().err
