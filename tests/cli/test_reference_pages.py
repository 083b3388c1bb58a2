"""The pages that follow from the code are up to date, and name all of what there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from webhooks.protocol import HookType
from workflows.cli.stage import STAGES

ROOT = Path(__file__).parents[2]


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def test_the_commands_and_the_api_are_described_as_they_are() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("hook", HookType)
def test_every_hook_is_explained(hook: HookType) -> None:
    assert f"`{hook.value}`" in read("machine.md")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_explained(stage: str) -> None:
    assert f"| `{stage}" in read("stages.md")
