"""The traffic of a release that Flagger drives, from Prometheus to the page of the release."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from tests.verdicts.test_verdict_metrics import SPEC
from tests.verdicts.two_arms import Prometheus, counting
from webhooks.app import SERVICE
from webhooks.releases import Heard, Measured
from webhooks.settings import Settings
from webhooks.store.records import CanaryName
from webhooks.store.releases import ReleaseQuery
from workflows import serving
from workflows.cluster.client import Cluster
from workflows.metrics.history import Reading
from workflows.rollout.samples import ArmCounts, TrafficCounts
from workflows.verdicts.hindsight import Hindsight, compare

AD = CanaryName("weather", "ad")
CANARY = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "ad", "namespace": "weather"},
    "spec": SPEC,
}


class OneCanary:
    """As much of a cluster as is asked: it has one Canary."""

    def get(self, _: object, namespace: str, name: str) -> object:
        return CANARY if (namespace, name) == ("weather", "ad") else None


CLUSTER = cast("Cluster", OneCanary())


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with counting() as server:
        yield server


@pytest.fixture
def app(prometheus: Prometheus, tmp_path: Path) -> Iterator[Flask]:
    made = serving.create(Settings(data_dir=tmp_path), prometheus=prometheus.url, cluster=CLUSTER)
    yield made
    made.extensions[SERVICE].store.close()


def measure(prometheus: Prometheus, began: float, ended: float) -> Measured:
    found = Hindsight(prometheus.url, CLUSTER).measure("weather", "ad", began, ended)
    assert found
    return found


def await_that(ready: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (found := ready()) and time.monotonic() < until:
        threading.Event().wait(0.02)
    return found


def test_a_page_of_a_release_that_flagger_drives_shows_its_traffic(app: Flask, prometheus: Prometheus) -> None:
    prometheus.traffic.canary.errors = 0.2
    releases, client = app.extensions[SERVICE].releases, app.test_client()
    releases.hear(Heard(AD, time.time() - 300, "abc", "Progressing", begins=True))
    there = f"/ui/releases/weather/ad/{releases.page(ReleaseQuery(limit=1))[0].id}"
    told = await_that(
        lambda: client.get(f"{there}/points").json["limits"]["p99"] and client.get(f"{there}/points").json
    )
    measured = [point for point in told["points"] if point[3] is not None]
    page = client.get(there).text

    assert told["limits"] == {"success": 99, "p99": 500}
    assert len(measured) >= 9
    assert all((round(point[3]), round(point[4])) == (100, 80) for point in measured)
    assert all(0 < point[5] <= 100 for point in measured)
    assert "80 %, at least 99 %" in page
    assert "by Prometheus" in page


def test_whoever_asks_again_gets_the_same_points_and_more(prometheus: Prometheus) -> None:
    first = measure(prometheus, 1_750_001_003, 1_750_001_200)
    more = measure(prometheus, 1_750_001_003, 1_750_001_290)

    assert more.points[: len(first.points)] == first.points
    assert len(more.points) == len(first.points) + 3


def test_a_long_release_is_looked_at_a_bounded_number_of_times(prometheus: Prometheus) -> None:
    assert 50 <= len(measure(prometheus, 1_750_001_003, 1_750_101_003).points) <= 101
    assert len(prometheus.asked) == 2


def test_what_nobody_counted_is_not_known(prometheus: Prometheus) -> None:
    prometheus.traffic.canary.rps = 0
    last = measure(prometheus, 1_750_001_000, 1_750_001_200).points[-1]

    assert (last.canary.success_percent, last.canary.p99_ms) == (None, None)
    assert last.primary.success_percent == 100


def test_a_prometheus_that_is_away_and_a_canary_that_is_not_there_say_nothing(prometheus: Prometheus) -> None:
    prometheus.traffic.away = True
    hindsight = Hindsight(prometheus.url, CLUSTER)

    assert hindsight.measure("weather", "ad", 1.0, 2.0) is None
    assert hindsight.measure("weather", "other", 1.0, 2.0) is None


def test_looks_that_lie_apart_are_a_gap() -> None:
    readings = [Reading(at, TrafficCounts(ArmCounts({"2xx": int(at)}))) for at in (0.0, 30.0, 90.0, 120.0)]

    assert [point.at for point in compare(readings, 30.0)] == [30.0, 120.0]
