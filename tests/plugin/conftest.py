"""The plugin with a clock and a runner that are the test's."""

from pathlib import Path

import pytest

from tests.plugin.counter import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)
