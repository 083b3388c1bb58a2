"""A loop that reports to a real service: what arrives, and that no trouble there ever reaches the release."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from tests.release_desk import ReleaseDesk, open_desk
from tests.rollout_story import Story
from tests.webhooks.bench import AD
from tests.webhooks.served import eventually
from webhooks.store.releases import Ending, ReportKind, Teller
from workflows import loop, stages
from workflows.errors import ConfigurationError
from workflows.notifiers.fanout import EventFanout
from workflows.records import TickRecord
from workflows.reports.chapter import MOST_UNSENT
from workflows.reports.release import TimelinePoint
from workflows.reports.release_service import ReleaseService
from workflows.reports.reporter import Reporter
from workflows.rollout.state import Cause, Event, RolloutState, Verdict
from workflows.rollout.traffic import Arm, Route


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ReleaseDesk]:
    with open_desk(tmp_path) as opened:
        yield opened


class Told:
    """A story whose loop reports to a URL."""

    def __init__(self, url: str, story: Story | None = None) -> None:
        self.story = story or Story()
        self.warned: list[str] = []
        self.reporter = Reporter(ReleaseService(url), self.story.release.plan, self.warned.append)
        platform = self.story.release.platform
        told = replace(platform, events=EventFanout(platform.events, self.reporter))
        self.release = replace(self.story.release, platform=told, keep=self.reporter.keep)

    def run(self) -> RolloutState:
        try:
            return loop.run(self.release)
        finally:
            self.reporter.close()


def bad_story() -> Story:
    story = Story()
    story.traffic.errors_percent[Arm.CANARY] = 30
    return story


def test_a_promoted_release_is_told_to_its_end(desk: ReleaseDesk) -> None:
    Told(desk.url).run()

    (release,) = desk.releases
    assert (release.teller, release.phase, release.ending, release.weight) == (
        Teller.LOOP,
        "Succeeded",
        Ending.PROMOTED,
        0,
    )
    assert (release.plan.previous, release.plan.revision, release.plan.weights) == ("v1", "v2", (20, 40, 60, 80, 100))
    assert (release.plan.minimum_success_percent, release.plan.maximum_p99_ms) == (95, 500)


def test_stages_of_several_processes_tell_which_version_was_replaced(desk: ReleaseDesk) -> None:
    story = Story()
    steps = (stages.start, stages.gate, lambda release: stages.set_weight(release, 20), stages.promote)
    for stage in (*steps, stages.shift_back, stages.finalise):
        told = Told(desk.url, story)
        stage(told.release)
        told.reporter.close()

    (release,) = desk.releases
    assert (release.ending, release.plan.previous, release.plan.revision) == (Ending.PROMOTED, "v1", "v2")


def test_a_bad_release_is_told_with_its_numbers(desk: ReleaseDesk) -> None:
    Told(desk.url, bad_story()).run()

    (release,) = desk.releases
    judged = [report for report in desk.reports if report.verdict]
    check = judged[-1].checks[0]
    assert (release.ending, release.failed_checks, release.weight) == (Ending.ROLLED_BACK, 3, 0)
    assert release.reason == "3 of 3 checks failed, the last one: success rate 70.00% < 95% (60 of 200 failed)"
    assert (check.name, check.value, judged[-1].canary.success_percent) == ("request-success-rate", 70.0, 70.0)


def test_every_weight_and_every_event_of_a_release_arrives_in_order(desk: ReleaseDesk) -> None:
    Told(desk.url).run()

    told = desk.reports
    weights = [report.weight for report in told if report.kind is ReportKind.DECISION]
    texts = [report.text for report in told if report.kind is ReportKind.EVENT]
    assert [weight for place, weight in enumerate(weights) if weight != weights[place - 1]] == [20, 40, 60, 80, 100, 0]
    assert "Advance ad.weather canary weight 20" in texts
    assert [report.sequence for report in told] == sorted({report.sequence for report in told})


def test_what_was_not_measured_is_not_known(desk: ReleaseDesk) -> None:
    told = Told(desk.url)
    told.story.traffic.silent = True
    told.run()

    figures = {(one.canary.success_percent, one.canary.p99_ms) for one in desk.reports}
    assert figures == {(None, None)}


def test_a_service_that_is_not_there_costs_a_release_nothing() -> None:
    told = Told("http://127.0.0.1:1")
    began = time.monotonic()

    state = told.run()

    assert loop.exit_code(state) == 0
    assert time.monotonic() - began < 3
    assert "does not answer" in told.warned[0]
    assert "were not sent" in told.warned[-1]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_of_the_service_is_borne(desk: ReleaseDesk, status: int) -> None:
    desk.refuses = [Response("not now", status), Response("not now", status)]
    told = Told(desk.url)

    loop.run(told.release)

    eventually(lambda: any(not release.under_way for release in desk.releases), "the end of the release")
    told.reporter.close()
    assert told.warned[0].endswith(f"answered {status}")


def test_answers_that_are_lost_make_no_report_come_twice(desk: ReleaseDesk) -> None:
    desk.loses = 1
    told = Told(desk.url)

    loop.run(told.release)

    eventually(lambda: any(not release.under_way for release in desk.releases), "the end of the release")
    told.reporter.close()
    assert len([one for one in desk.reports if one.ending]) == 1
    assert len({(one.at, one.text, one.kind) for one in desk.reports}) == len(desk.reports)


@pytest.mark.parametrize("status", [401, 403, 409])
def test_a_service_that_refuses_is_left_alone(desk: ReleaseDesk, status: int) -> None:
    desk.refuses = [Response('{"detail": "no scope report"}', status)]
    told = Told(desk.url)

    told.run()

    assert (desk.asked, desk.releases) == (desk.asked[:1], ())
    assert told.warned == [f"{desk.url} takes no reports on ad.weather: {status} no scope report; the release goes on"]


def test_reports_that_are_not_understood_are_counted_as_lost(desk: ReleaseDesk) -> None:
    told = Told(desk.url)
    told.story.release = told.release
    told.story.at_weight(20)
    eventually(lambda: bool(desk.releases and desk.releases[0].sequence), "a report")
    desk.refuses = [Response('{"detail": "unknown field"}', 400)]
    told.story.tick()
    eventually(lambda: not desk.refuses, "an answer")

    told.run()

    assert desk.releases[0].lost > 0
    assert "did not understand" in told.warned[0]


def test_a_service_that_forgot_the_release_is_told_again(desk: ReleaseDesk) -> None:
    told = Told(desk.url)
    told.story.release = told.release
    told.story.at_weight(20)
    eventually(lambda: bool(desk.releases), "a release")
    desk.bench.store.releases.forget(AD, desk.releases[0].id)

    told.run()

    eventually(lambda: any(not release.under_way for release in desk.releases), "the end of the release")


def test_stages_of_several_processes_tell_one_release(desk: ReleaseDesk) -> None:
    story = Story()
    for stage in (
        stages.start,
        stages.gate,
        lambda release: stages.set_weight(release, 20),
        lambda release: stages.rollback(release, Cause.ABORTED, "the pipeline was cancelled"),
    ):
        told = Told(desk.url, story)
        stage(told.release)
        told.reporter.close()

    (release,) = desk.releases
    assert (release.ending, release.reason) == (Ending.ROLLED_BACK, "the pipeline was cancelled")
    assert 20 in {report.weight for report in desk.reports}


def test_a_process_whose_clock_is_behind_counts_on(desk: ReleaseDesk) -> None:
    ahead = Story()
    ahead.clock.sleep(timedelta(hours=1))
    told = Told(desk.url, ahead)
    stages.start(told.release)
    told.reporter.close()
    behind = Told(desk.url, ahead)
    ahead.clock.sleep(timedelta(seconds=1))
    behind.reporter.keep(shifted(behind, timedelta(hours=-2)))
    behind.reporter.close()

    assert desk.releases[0].weight == 55


def shifted(told: Told, by: timedelta) -> TickRecord:
    record = told.story.tick()
    state = replace(record.decision.state, route=Route(55))
    return replace(record, at=record.at + by, decision=replace(record.decision, state=state, verdict=Verdict.PASSED))


def test_a_release_that_nobody_began_there_is_joined_under_a_name_of_its_own(desk: ReleaseDesk) -> None:
    story = Story().at_weight(40)
    told = Told(desk.url, story)

    told.run()

    assert (len(desk.releases), desk.releases[0].ending) == (1, Ending.PROMOTED)


@pytest.mark.parametrize("nonsense", ['{"releases": [{}]}', '{"releases": 5}'])
def test_a_service_that_talks_nonsense_is_left_alone(desk: ReleaseDesk, nonsense: str) -> None:
    story = Story().at_weight(40)
    desk.refuses = [Response(nonsense, 200)]
    told = Told(desk.url, story)

    state = told.run()

    assert (loop.exit_code(state), desk.releases, len(told.warned)) == (0, (), 1)


def test_a_newer_revision_is_another_release(desk: ReleaseDesk) -> None:
    told = Told(desk.url)
    told.story.release = told.release
    told.story.at_weight(20)
    told.story.workload.deploy("v3")

    told.run()

    assert [(one.plan.revision, one.ending) for one in desk.releases] == [
        ("v3", Ending.PROMOTED),
        ("v2", Ending.UNKNOWN),
    ]


def test_samples_and_a_journal_come_along(desk: ReleaseDesk, tmp_path: Path) -> None:
    told = Told(desk.url)
    journal = tmp_path / "ad.journal.jsonl"
    journal.write_text('{"line": 1}\n')
    loop.run(told.release)
    told.reporter.sample(TimelinePoint(told.story.clock.now(), 20, 99.5, None, math.inf, 80.0))
    told.reporter.attach(journal)

    told.reporter.close()

    sample = desk.reports[-1]
    assert (sample.kind, sample.weight, sample.primary.success_percent) == (ReportKind.SAMPLE, 20, 99.5)
    assert (sample.primary.p99_ms, sample.canary.p99_ms) == (None, 80.0)
    assert desk.bench.store.reports.read_journal(AD, desk.releases[0].id) == b'{"line": 1}\n'


def test_what_the_queue_has_no_room_for_is_counted(desk: ReleaseDesk) -> None:
    told = Told(desk.url)
    told.story.release = told.release
    with told.reporter._changed:  # nothing is sent meanwhile
        told.story.at_weight(20)
        for number in range(MOST_UNSENT):
            told.reporter.emit(told.release.plan, Event(f"event {number}"), told.story.clock.now())

    told.run()

    assert desk.releases[0].lost > 0
    assert len(desk.reports) < MOST_UNSENT + 100


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:8080", "http://"])
def test_a_url_that_is_none_is_said_before_anything_moves(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--report-to: .* is not an http or https URL"):
        ReleaseService(url)


def test_a_token_is_sent_and_a_path_kept(desk: ReleaseDesk) -> None:
    service = ReleaseService(f"{desk.url}/", "pst_secret")

    reply = service.ask("/releases?limit=1")

    assert (reply.status, reply.document, service.url) == (200, {"releases": [], "next": None}, desk.url)
    assert "pst_secret" not in service.url
