"""What pages show of releases whose traffic somebody else has measured."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.bench import AD, Bench
from tests.webhooks.pages.desk import Desk
from webhooks.app import compose
from webhooks.releases import Heard, Measure, Measured, MeasuredPoint
from webhooks.settings import Settings
from webhooks.store.releases import ArmFigures, ReleaseQuery

FINE, SLOW = ArmFigures(99.5, 120.0, 100), ArmFigures(97.25, 640.0, 50)


@pytest.fixture
def hear(bench: Bench, tmp_path: Path) -> Callable[[Measure], tuple[Desk, str]]:
    """Open the pages of a release that hooks told of, with somebody who measures; gives the path of its page."""

    def make(measure: Measure) -> tuple[Desk, str]:
        bench.service.releases.hear(Heard(AD, bench.time, "abc", "Progressing", begins=True))
        desk = Desk(bench, Settings(data_dir=tmp_path))
        desk.app = compose(bench.service, Settings(data_dir=tmp_path), measure=measure)
        desk.client = desk.app.test_client()
        release = bench.service.releases.page(ReleaseQuery(limit=1))[0]
        return desk, f"releases/weather/ad/{release.id}"

    return make


def await_points(desk: Desk, path: str) -> Any:
    until = time.monotonic() + 10
    told = desk.get(f"/ui/{path}/points").json
    while time.monotonic() < until and told and not told["limits"]["p99"]:
        threading.Event().wait(0.01)
        told = desk.get(f"/ui/{path}/points").json
    return told


Hear = Callable[[Measure], tuple[Desk, str]]


def test_what_is_measured_is_shown_with_its_limits(hear: Hear, bench: Bench) -> None:
    point = MeasuredPoint(bench.time + 30, FINE, SLOW)
    desk, path = hear(lambda *_: Measured((point,), 99.0, 500.0))
    told = await_points(desk, path)
    said = " ".join(desk.text(f"/ui/{path}").split())

    assert told["limits"] == {"success": 99.0, "p99": 500.0}
    assert told["points"][-1][1:] == [point.at, None, 99.5, 97.25, 120.0, 640.0]
    assert "primary 99.5 %, canary 97.25 %, at least 99 %" in said
    assert "primary 120 ms, canary 640 ms, at most 500 ms" in said
    assert "its traffic by Prometheus" in said


def test_an_open_page_is_told_once_more_is_known_and_never_waits(hear: Hear, bench: Bench) -> None:
    answered = threading.Event()

    def measure(*_: object) -> Measured:
        answered.wait(10)
        return Measured((MeasuredPoint(bench.time + 30, FINE, SLOW),), 99.0, 500.0)

    desk, path = hear(measure)
    said, (_, position) = desk.text(f"/ui/{path}"), desk.events(f"/ui/live/{path}")
    answered.set()
    await_points(desk, path)
    told, _ = desk.events(f"/ui/live/{path}", Last_Event_ID=position)

    assert "primary not known , canary not known , at least not known" in " ".join(said.split())
    assert [one["kind"] for one in told] == ["points", "changed"]
    assert told[0]["limits"] == {"success": 99.0, "p99": 500.0}


def test_a_page_of_a_release_that_is_over_waits_for_what_is_asked(hear: Hear, bench: Bench) -> None:
    answered = threading.Event()
    desk, path = hear(lambda *_: Measured() if answered.wait(10) else None)
    bench.service.releases.hear(Heard(AD, bench.time + 60, "abc", "Succeeded", over=True))
    _, position = desk.events(f"/ui/live/{path}")
    told, _ = desk.events(f"/ui/live/{path}", Last_Event_ID=position)
    answered.set()

    assert told == []


def test_who_fails_to_measure_is_asked_again_later_and_the_page_says_not_known(hear: Hear) -> None:
    asked = []

    def measure(*about: object) -> Measured:
        asked.append(about[:2])
        raise OSError("away")

    desk, path = hear(measure)
    pages = [desk.get(f"/ui/{path}").status_code for _ in range(5)]

    assert (pages, asked) == ([200] * 5, [("weather", "ad")])
    assert "nobody reports its measurements" in desk.text(f"/ui/{path}")
