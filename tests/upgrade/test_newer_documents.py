"""What a newer version wrote is refused by name, and nothing is moved on the strength of it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.journal import journals
from tests.upgrade.storage import JOURNAL, RELEASES, STORED, told
from workflows.errors import ConfigurationError

PRESENT = max(STORED.iterdir())
WAY_OUT = "end the release with the one that began it, or upgrade this one"


def raise_version(path: Path, *where: str) -> None:
    document = json.loads(path.read_text())
    part = document["state"]
    for name in where:
        part = part[name]
    part["version"] += 1
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(("where", "what"), [((), "state record"), (("case",), "judge record")])
def test_a_state_of_a_newer_version_moves_nothing(where: tuple[str, ...], what: str, tmp_path: Path) -> None:
    folder, (plan, _) = Path(shutil.copytree(PRESENT / "evidence", tmp_path / "left")), RELEASES["evidence"]

    with told(folder, plan) as story:
        raise_version(folder / "states" / "ad.weather.json", *where)
        with pytest.raises(ConfigurationError) as refused:
            story.tick()

    assert str(refused.value) == f"{what}: version 2 is of a newer penstock, this one reads 1; {WAY_OUT}"
    assert story.router.history[1:] == []


def test_a_journal_of_a_newer_version_is_not_gone_on_with(tmp_path: Path) -> None:
    folder, (plan, _) = Path(shutil.copytree(PRESENT / "threshold", tmp_path / "left")), RELEASES["threshold"]
    journals.forge(folder / JOURNAL, lambda number, line: line.update(version=2) if number == 1 else None)

    with pytest.raises(ConfigurationError, match=r"version 2 is not 1, .* use the penstock that wrote it"):
        told(folder, plan).__enter__()
