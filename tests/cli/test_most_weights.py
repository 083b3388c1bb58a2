"""A pipeline that has room for so many weights refuses a canary that it could not bring to an end."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.cli import main

CANARY = Path(__file__).parents[2] / "examples" / "ad-service" / "canary.yaml"
USERS = [{"headers": {"cookie": {"exact": "beta"}}}]


def stage(folder: Path, name: str, **analysis: Any) -> int:
    """Run a stage of a pipeline for 96 weights on a canary with another analysis."""
    canary = yaml.safe_load(CANARY.read_text())
    kept = {key: value for key, value in canary["spec"]["analysis"].items() if key not in {"stepWeight", "maxWeight"}}
    canary["spec"]["analysis"] = {**kept, **analysis}
    file = folder / "canary.yaml"
    file.write_text(yaml.safe_dump(canary))
    return main(["stage", name, "--most-weights", "96", "--file", str(file), "--platform", "memory"])


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        ({"iterations": 3}, "its strategy is blue-green"),
        ({"iterations": 3, "match": USERS}, "its strategy is ab-testing"),
        ({"stepWeight": 1, "maxWeight": 97}, "97 weights, and this pipeline has room for 96"),
    ],
    ids=["blue-green", "ab-testing", "too many"],
)
def test_it_is_said_before_anything_is_changed(
    analysis: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = stage(tmp_path, "acquire", **analysis)

    told = capsys.readouterr().err
    assert (code, told.count("\n")) == (78, 1)
    assert said in told


@pytest.mark.parametrize("analysis", [{"iterations": 3}, {"stepWeight": 20, "maxWeight": 100}], ids=["ends", "fits"])
def test_what_fits_is_taken_and_whatever_it_is_may_be_ended(tmp_path: Path, analysis: dict[str, Any]) -> None:
    assert stage(tmp_path, "finish" if "iterations" in analysis else "acquire", **analysis) == 0
