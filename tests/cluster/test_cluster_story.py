"""The whole story in a cluster: v2 is promoted, v3 is rolled back, by the one command and from the Canary there."""

import json
import threading
from pathlib import Path

from tests.cluster import mesh
from tests.cluster.api_server import ApiServer
from tests.cluster.releases import Stage
from workflows.states.kubernetes import HEAD


def test_a_good_version_is_promoted(stage: Stage) -> None:
    stage.set_image("v2")

    code = stage.run()

    assert code == 0
    assert (stage.image("ad-primary"), mesh.weights(stage.cluster)["ad-primary"]) == ("ad:v2", 100)
    assert (stage.status()["phase"], stage.status()["canaryWeight"]) == ("Succeeded", 0)
    assert stage.status()["conditions"][0]["message"].endswith("promotion finished.")


def test_a_bad_version_is_rolled_back(stage: Stage) -> None:
    stage.set_image("v3")

    code = stage.run()

    assert code == 10
    assert (stage.image("ad-primary"), mesh.weights(stage.cluster)["ad-primary"]) == ("ad:v1", 100)
    assert (stage.status()["phase"], stage.status()["failedChecks"]) == ("Failed", 3)


def test_the_head_of_the_journal_stands_beside_the_state(stage: Stage, tmp_path: Path) -> None:
    stage.set_image("v2")
    path = tmp_path / "ad.journal.jsonl"

    code = stage.run("--journal", str(path))

    last = json.loads(path.read_text().splitlines()[-1])
    assert (code, stage.record()["metadata"]["annotations"][HEAD]) == (0, last["hash"])


def leave(api: ApiServer) -> None:
    with api.away():
        threading.Event().wait(2)


def test_a_release_outlasts_a_cluster_that_is_away_for_a_while(stage: Stage, api: ApiServer) -> None:
    stage.set_image("v2")
    absence = threading.Thread(target=leave, args=(api,))
    api.meanwhile("PUT /apis/networking.istio.io", absence.start)

    code = stage.run()

    absence.join(10)
    assert (code, stage.image("ad-primary"), stage.status()["phase"]) == (0, "ad:v2", "Succeeded")


def test_what_is_released_already_is_not_released_again(stage: Stage, api: ApiServer) -> None:
    assert stage.run() == 0

    assert [line for line in api.writes if "virtualservices" in line][1:] == []
