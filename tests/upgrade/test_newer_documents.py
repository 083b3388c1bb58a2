"""What a newer version wrote is refused by name, and nothing is moved on the strength of it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.journal import journals
from tests.upgrade.storage import JOURNAL, RELEASES, STORED, put_store_back, service, told
from tests.webhooks.bench import AD
from webhooks.protocol import HookType
from webhooks.store.records import RunQuery
from webhooks.store.releases import ReleaseQuery
from webhooks.store.sql.store import STORE_FILE
from workflows.cli import main
from workflows.errors import ConfigurationError

PRESENT = max(STORED.iterdir(), key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)])
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


def test_no_reports_are_made_of_a_load_of_a_newer_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = tmp_path / "load.json"
    left.write_text((PRESENT / "load.json").read_text().replace("load-run/1", "load-run/2"))

    assert main(["load", "report", str(left), "--report", str(tmp_path)]) == 104

    assert f"{left}: is not a run's JSON document (penstock.load-run/1)" in capsys.readouterr().err


def test_two_versions_work_on_one_store_while_replicas_are_replaced(tmp_path: Path) -> None:
    left = (PRESENT / "service.sql").read_text()
    put_store_back(left.replace('{"', '{"later": 1, "'), tmp_path / STORE_FILE)

    bench = service(tmp_path)

    assert bench.call(HookType.CONFIRM_PROMOTION).status == 200
    assert len(bench.store.runs.page(RunQuery(canary=AD))) == 2
    assert len(bench.store.events.select(AD)) == 1
    assert len(bench.store.releases.page(ReleaseQuery())) == 1
    bench.store.close()
