"""A release that somebody else drives in a cluster, as `penstock run --shadow` sees it."""

import json
import threading
from pathlib import Path

import pytest

from tests.cluster.releases import Stage
from workflows.cluster.client import Cluster
from workflows.routers.kubernetes.istio import VIRTUAL_SERVICE


def shift(cluster: Cluster, percent: int) -> None:
    """Move traffic as another controller does."""
    found = cluster.get(VIRTUAL_SERVICE, "test", "ad")
    assert found
    for route in found["spec"]["http"][0]["route"]:
        to_canary = route["destination"]["host"].startswith("ad-canary")
        route["weight"] = percent if to_canary else 100 - percent
    cluster.replace(VIRTUAL_SERVICE, found)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_release_of_another_controller_is_judged_and_left_alone(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    code, said = {"v2": (0, "would have gone on"), "v3": (10, "would have rolled back at weight 30")}[version]
    stage.set_image(version)
    shift(stage.cluster, 30)
    home = threading.Timer(1.5, shift, (stage.cluster, 0))
    home.start()
    before, report = (stage.lease(), stage.record(), stage.status()), tmp_path / "shadow.json"

    assert stage.run("--shadow", "20s", "--interval", "200ms", "--report", str(report)) == code

    home.join()
    ended = capsys.readouterr()
    assert said in ended.out
    assert "weight 30" in ended.err
    assert {remark["weight"] for remark in json.loads(report.read_text())["remarks"]} == {30}
    assert (stage.lease(), stage.record(), stage.status()) == before
