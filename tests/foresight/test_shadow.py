"""A release that somebody else drives, watched by our judge, who touches nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.rollout_story import FaultyTraffic, plan
from workflows.cli import main
from workflows.clocks import MemoryClock
from workflows.errors import UnavailableError
from workflows.foresight import shadow
from workflows.foresight.shadow import Shadow
from workflows.metrics.memory import MemoryMetrics
from workflows.ports import Platform
from workflows.rollout.plan import Check, Judge, Limits
from workflows.rollout.samples import Measurement, TrafficCounts
from workflows.rollout.state import Verdict
from workflows.rollout.traffic import Arm, Route
from workflows.routers.memory import MemoryRouter
from workflows.wiring import Wishes, memory

CANARY = "examples/ad-service/canary.yaml"
MINUTE = timedelta(minutes=1)


class Schedule(MemoryClock):
    """A clock by which somebody else moves the traffic."""

    def __init__(self, moves: dict[int, Callable[[], object]]) -> None:
        super().__init__()
        self._began = self.now()
        self.moves = moves

    def sleep(self, duration: timedelta) -> None:
        super().sleep(duration)
        after = (self.now() - self._began).total_seconds()
        for moment in sorted(each for each in self.moves if each <= after):
            self.moves.pop(moment)()


class Scene:
    """Another's release: 20 % after 5 s, 50 % after 25 s, home after 65 s."""

    def __init__(self, *, errors_percent: int = 0) -> None:
        self.router = MemoryRouter()
        moves = {5: 20, 25: 50, 65: 0}
        self.clock = Schedule(
            {at: lambda weight=weight: self.router.shift(Route(weight)) for at, weight in moves.items()}
        )
        self.traffic = FaultyTraffic(self.clock, self.router)
        self.traffic.errors_percent[Arm.CANARY] = errors_percent
        self.plan = plan()
        self.metrics = MemoryMetrics()

    def follow(self, patience: timedelta = 5 * MINUTE) -> Shadow:
        rehearsal = memory.build(self.plan, Wishes())
        platform: Platform = replace(
            rehearsal, clock=self.clock, router=self.router, counter=self.traffic, metrics=self.metrics
        )
        return shadow.follow(platform, self.plan, patience, lambda _: None)


def test_a_good_release_is_watched_to_its_end() -> None:
    found = Scene().follow()
    assert found.objection is None
    assert {remark.route.canary_percent for remark in found.remarks} == {20, 50}
    assert {remark.opinion.verdict for remark in found.remarks} == {Verdict.PASSED}


@pytest.mark.parametrize(("judge", "windows"), [(Judge.THRESHOLD, 3), (Judge.EVIDENCE, 1)])
def test_a_bad_release_would_have_been_stopped(judge: Judge, windows: int) -> None:
    scene = Scene(errors_percent=20)
    scene.plan = plan(judge=judge)
    found = scene.follow()
    assert found.objection is found.remarks[windows - 1]
    assert len(found.remarks) > windows


def test_the_one_who_watches_moves_nothing() -> None:
    scene = Scene(errors_percent=20)
    scene.follow()
    assert [route.canary_percent for route in scene.router.history] == [20, 50, 0]


def test_queries_are_asked_too() -> None:
    scene = Scene()
    queue = Check("queue", Limits(maximum=10), query="sum(queue)")
    scene.plan = plan(replace(scene.plan.analysis, checks=(queue,)))
    scene.metrics.answer("queue", [Measurement(99)])
    found = scene.follow()
    assert found.objection is not None
    assert "queue 99.00 > 10" in found.objection.opinion.said


def test_a_release_that_does_not_begin_in_time_is_not_judged() -> None:
    assert Scene().follow(timedelta(seconds=3)).remarks == ()


def test_a_release_that_does_not_end_is_watched_no_longer_than_was_asked() -> None:
    scene = Scene()
    scene.clock.moves.pop(65)
    assert len(scene.follow(MINUTE).remarks) == 6


def test_what_cannot_be_seen_is_not_judged() -> None:
    scene = Scene()
    read, blind = scene.traffic.read, iter([True, False, True])

    def stumble() -> TrafficCounts:
        if next(blind, False):
            raise UnavailableError("the counters are away")
        return read()

    scene.traffic.read = stumble  # type: ignore[method-assign] # the counters stumble
    found = scene.follow()
    assert 0 < len(found.remarks) < 6
    assert found.objection is None


def test_a_route_that_cannot_be_read_is_waited_for() -> None:
    scene = Scene()
    read, blind = scene.router.read, iter([True, False, True, False, False, False, True])

    def stumble() -> Route:
        if next(blind, False):
            raise UnavailableError("the router is away")
        return read()

    scene.router.read = stumble  # type: ignore[method-assign] # the router stumbles
    assert scene.follow().remarks


def test_the_command_says_when_nothing_was_to_be_seen(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = tmp_path / "shadow.json"
    words = ["run", CANARY, "--platform", "memory", "--shadow", "30s", "--report", str(report)]
    assert main(words) == 11
    assert capsys.readouterr().out == "ad.weather: no canary got traffic in time\n"
    assert json.loads(report.read_text()) == {"remarks": []}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shadow", "soon"], "--shadow: 'soon' is not a duration"),
        (["--shadow", "0s"], "--shadow: '0s' is not positive"),
        (["--shadow", "--journal", "x.jsonl"], "use --report"),
        (["--shadow", "1s", "--report", "/nowhere/at/all"], "name another file with --report"),
    ],
)
def test_a_bad_option_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["run", CANARY, "--platform", "memory", *words]) == 78
    assert said in capsys.readouterr().err
