"""docs/flagger-differences.md: every deviation is numbered and held by a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flagger-differences.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in re.findall(r"(?m)^\| *\d+ .*$", PAGE)]


def test_the_differences_are_numbered_from_one() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"difference {row[0]}")
def test_every_difference_is_held_by_a_test_that_exists(row: list[str]) -> None:
    file, _, name = row[-1].strip("`").partition("::")

    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))

    assert len(row) == 5
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
