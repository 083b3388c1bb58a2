"""docs/machine.md shows the machine as it is."""

import re
from pathlib import Path

import pytest

from webhooks.protocol import HookType
from workflows.rollout.machine import TRANSITIONS, Signal
from workflows.rollout.phase import Phase
from workflows.rollout.picture import draw

PAGE = (Path(__file__).parents[2] / "docs" / "machine.md").read_text(encoding="utf-8")


def rows(page: str) -> set[str]:
    """List the first cells of all tables, without their marks."""
    return {cell.strip(" `") for cell in re.findall(r"(?m)^\|([^|]+)\|", page)}


def test_the_picture_in_the_docs_is_the_one_that_the_table_draws() -> None:
    (shown,) = re.findall(r"(?ms)^```mermaid\n(.*?)^```$", PAGE)

    assert shown == draw()


def test_the_picture_has_an_arrow_for_every_row_of_the_table() -> None:
    drawn = set(re.findall(r"(\w+) --> (\w+): (.+)", draw()))

    arrows = {(before, after, signal) for before, after, signals in drawn for signal in signals.split(", ")}
    assert arrows == {
        (phase.value, (after or phase).value, signal.value)
        for phase, row in TRANSITIONS.items()
        for signal, after in row.items()
    }


@pytest.mark.parametrize("name", [each.value for each in (*Phase, *Signal, *HookType)])
def test_every_phase_signal_and_hook_type_is_explained(name: str) -> None:
    assert name in rows(PAGE)
