"""The Canaries that pages of the documentation show are right, and can be rehearsed."""

import re
from pathlib import Path

import pytest

from workflows.canary.lint import main as lint
from workflows.cli import main

ROOT = Path(__file__).parents[2]
SHOWN = [
    pytest.param(block, id=f"{page.stem} {number}")
    for page in sorted(ROOT.glob("docs/*.md"))
    for number, block in enumerate(re.findall(r"(?ms)^```yaml\n(.*?)^```", page.read_text(encoding="utf-8")))
    if re.search(r"(?m)^kind: Canary$", block) and "targetRef" in block
]


@pytest.mark.parametrize("block", SHOWN)
def test_a_canary_of_the_documentation_has_no_fault(
    block: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "canary.yaml"
    path.write_text(block)
    assert (lint([str(path)]), capsys.readouterr().out) == (0, "")


@pytest.mark.parametrize("block", SHOWN)
def test_a_canary_of_the_documentation_can_be_rehearsed(block: str, tmp_path: Path) -> None:
    path = tmp_path / "canary.yaml"
    path.write_text(block)
    assert main(["run", str(path), "--platform", "memory"]) == 0
