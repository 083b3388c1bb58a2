"""What differs from Flagger in a cluster, on the pages of routers and workloads: each row names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = [
    (page, file, name)
    for page in ("kubernetes-workloads.md", "routers.md")
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "file", "name"), NAMED)
def test_a_difference_is_held_by_a_test_that_exists(page: str, file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))

    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, page
