"""Each version that was ever released left things behind in mid-release; today's code goes on with them."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cluster import mesh
from tests.upgrade.storage import (
    JOURNAL,
    RELEASES,
    STORED,
    make_store,
    put_back,
    put_store_back,
    served,
    service,
    told,
)
from tests.webhooks.bench import AD
from webhooks.protocol import HookType
from webhooks.store.records import UNDER_WAY, RunQuery
from webhooks.store.sql import schema
from webhooks.store.sql.store import STORE_FILE
from workflows.cli import main
from workflows.rollout.phase import Phase

VERSIONS = pytest.mark.parametrize("version", sorted(path.name for path in STORED.iterdir()))


@VERSIONS
@pytest.mark.parametrize("judge", RELEASES)
def test_a_release_goes_on_from_the_state_and_journal_that_were_left(version: str, judge: str, tmp_path: Path) -> None:
    folder, (plan, weight) = Path(shutil.copytree(STORED / version / judge, tmp_path / judge)), RELEASES[judge]

    with told(folder, plan) as story:
        story.clock.sleep(timedelta(minutes=1))
        ended = story.run()

    assert (ended.phase, ended.promoted_revision) == (Phase.SUCCEEDED, "v2")
    assert story.weights[0] >= weight
    assert [main([command, str(folder / JOURNAL)]) for command in ("verify", "replay")] == [0, 0]


@VERSIONS
def test_a_release_in_a_cluster_goes_on_from_the_objects_that_were_left(version: str, tmp_path: Path) -> None:
    with served(tmp_path) as stage:
        put_back(stage.cluster, json.loads((STORED / version / "cluster.json").read_text()))
        assert mesh.weights(stage.cluster) == {"ad-primary": 70, "ad": 30}

        code = stage.run("--report", str(tmp_path / "report.json"))

        (release,) = json.loads((tmp_path / "report.json").read_text())["releases"]
        assert (code, release["weights"], stage.image("ad-primary")) == (0, [60], "ad:v2")
        assert mesh.weights(stage.cluster)["ad-primary"] == 100


@VERSIONS
def test_the_service_goes_on_with_the_runs_and_gates_that_were_left(version: str, tmp_path: Path) -> None:
    put_store_back((STORED / version / "service.sql").read_text(), tmp_path / STORE_FILE)
    bench = service(tmp_path)
    bench.time += 60

    load, gate = bench.call(HookType.ROLLOUT, test="load"), bench.call(HookType.CONFIRM_PROMOTION)

    assert (load.status, gate.status, gate.reason) == (
        200,
        200,
        "gate confirm-promotion of ad.weather is open, by ann: seen on staging",
    )
    assert {run.id: run.state in UNDER_WAY for run in bench.store.runs.page(RunQuery())} == {
        f"{0:032x}": False,
        f"{1:032x}": True,
    }
    assert [event.metadata["eventType"] for event in bench.store.events.select(AD)] == ["Normal"]
    bench.store.close()


@VERSIONS
def test_reports_are_made_of_the_document_of_a_load_that_was_left(version: str, tmp_path: Path) -> None:
    assert main(["load", "report", str(STORED / version / "load.json"), "--report", str(tmp_path)]) == 0

    assert "http_req_failed rate = 1, wanted &lt; 0.01" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("revision", schema.REVISIONS[:-1])
def test_a_store_of_every_earlier_revision_is_brought_up_to_date_with_all_that_is_in_it(
    revision: str, tmp_path: Path
) -> None:
    for version in STORED.iterdir():
        put_store_back((version / "service.sql").read_text(), tmp_path / "present.db")
        make_store(tmp_path / version.name, revision, tmp_path / "present.db")

        bench = service(tmp_path / version.name)

        assert bench.call(HookType.CONFIRM_PROMOTION).status == 200
        assert len(bench.store.runs.page(RunQuery(canary=AD))) == 2
        bench.store.close()
