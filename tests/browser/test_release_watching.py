"""Releases as people watch them: driven by a real loop, reported by the real reporter, shown by a real service."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.premises import Premises
from tests.browser.visits import Visit, is_wider_than_a_phone, keep_picture, look_both_ways
from tests.rollout_story import YES, Script, Story, asking, no, plan
from tests.webhooks.served import eventually
from webhooks.protocol import HookType
from webhooks.store.records import CanaryName
from webhooks.store.releases import CheckFigure, Ending, Opinion, Release, ReleasePlan, Report, ReportKind
from workflows.notifiers.fanout import EventFanout
from workflows.reports.release_service import ReleaseService
from workflows.reports.reporter import Reporter
from workflows.rollout.phase import Phase
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.traffic import Arm

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m" + "w" * 200


class Watched:
    """A release on paper whose reports go to the service that the page is of."""

    def __init__(self, premises: Premises, of: RolloutPlan, script: Script | None = None) -> None:
        self.canary = CanaryName(of.namespace, of.name)
        self.story = Story(of, script)
        service = ReleaseService(premises.url, premises.tokens["ann"])
        self.reporter = Reporter(service, of, title="v1 -> v2")
        platform = self.story.release.platform
        told = replace(platform, events=EventFanout(platform.events, self.reporter))
        self.story.release = replace(self.story.release, platform=told, keep=self.reporter.keep)
        self.story.tick()
        eventually(lambda: bool(premises.ask(f"/api/v1/releases?canary={self.canary}")["releases"]), "a release")

    @property
    def path(self) -> str:
        return f"/ui/releases/{self.canary.namespace}/{self.canary.name}/{self.reporter.release_id}"


Watch = Callable[..., Watched]


@pytest.fixture
def watch(premises: Premises) -> Iterator[Watch]:
    """Begin releases that are reported."""
    made: list[Watched] = []

    def begin(of: RolloutPlan, script: Script | None = None) -> Watched:
        made.append(Watched(premises, of, script))
        return made[-1]

    yield begin
    for watched in made:
        watched.reporter.close()


def expect_headline(page: Page, text: str) -> None:
    expect(page.locator("#release .headline")).to_contain_text(text)


def count_points(page: Page) -> int:
    return int(page.locator("#chart").get_attribute("data-shown") or 0)


def test_a_good_release_is_watched_to_its_end(ann: Visit, premises: Premises, watch: Watch) -> None:
    script = {HookType.CONFIRM_PROMOTION: [no("waiting for approval"), YES]}
    watched = watch(asking(HookType.CONFIRM_PROMOTION, name="good"), script)
    page = ann.open(watched.path)
    watched.story.at_weight(20)
    expect_headline(page, "Progressing, canary weight 20 %")
    watched.story.at_weight(60)
    expect_headline(page, "Progressing, canary weight 60 %")
    watched.story.until(Phase.WAITING_PROMOTION)
    premises.hook("confirm-promotion", "good", gate="promotion")
    form = page.get_by_role("form", name="Approve promotion")
    form.get_by_label("Why").fill("every check has passed")
    keep_picture(page, "release-waiting")
    form.get_by_role("button").click()
    expect(page.get_by_role("status").filter(has_text="Your approval is kept")).to_be_visible()
    watched.story.until(Phase.SUCCEEDED)

    expect_headline(page, "ended: promoted")
    expect(page.locator("#gates form")).to_have_count(0)
    assert count_points(page) > 5
    keep_picture(page, "release-promoted")


def test_a_bad_release_is_watched_to_its_end(ann: Visit, watch: Watch) -> None:
    watched = watch(plan(name="bad"))
    watched.story.traffic.errors_percent[Arm.CANARY] = 30
    page = ann.open(watched.path)
    watched.story.until(Phase.FAILED)

    expect_headline(page, "ended: rolled back because 3 of 3 checks failed")
    expect(page.locator("#details")).to_contain_text("success rate 70.00% < 95% (60 of 200 failed)")
    expect(page.locator("#plot-success canvas")).to_be_visible()
    keep_picture(page, "release-rolled-back")


def test_a_release_is_rolled_back_where_it_is_watched(ann: Visit, premises: Premises, watch: Watch) -> None:
    watched = watch(plan(name="doubted"))
    premises.hook("rollback", "doubted")
    page = ann.open(watched.path)
    form = page.get_by_role("form", name="Roll back")
    form.get_by_label("Why").fill("customers complain")
    form.get_by_role("button").click()

    expect(page.get_by_role("status").filter(has_text="The rollback is asked for")).to_be_visible()
    expect(page.locator("#gates")).to_contain_text("open, by ann: customers complain")
    assert premises.hook("rollback", "doubted")[0] == 200


def test_a_page_outlives_a_restart_of_the_service(ann: Visit, premises: Premises, watch: Watch) -> None:
    watched = watch(plan(name="steady"))
    page = ann.open(watched.path)
    watched.story.at_weight(20)
    expect_headline(page, "canary weight 20 %")
    before = premises.served.web
    os.kill(before, signal.SIGKILL)
    eventually(lambda: premises.served.web not in {0, before}, "another web server")
    watched.story.at_weight(80)

    expect_headline(page, "canary weight 80 %")
    assert count_points(page) >= 4


def test_a_release_that_is_forgotten_while_it_is_shown_is_said(ann: Visit, premises: Premises, watch: Watch) -> None:
    watched = watch(plan(name="gone"))
    page = ann.open(watched.path)
    with premises.store() as store:
        store.releases.forget(watched.canary, watched.reporter.release_id)

    expect(page.locator("#connection")).to_contain_text("This is kept no longer")


def test_the_list_is_kept_up_to_date(ann: Visit, watch: Watch) -> None:
    page = ann.open("/ui/releases?namespace=weather")
    watch(plan(name="listed")).story.at_weight(40)

    row = page.get_by_role("row").filter(has_text="listed.weather")
    expect(row).to_contain_text("canary weight 40 %")
    row.get_by_role("link").click()
    expect_headline(page, "canary weight 40 %")


@pytest.fixture(scope="session")
def hostile(premises: Premises) -> str:
    """A release whose every word was chosen by somebody who means harm."""
    canary = CanaryName("hostile", "ad")
    named = ReleasePlan(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (20,), 3, 5.0, 95.0, 500.0)
    checks = (CheckFigure(HOSTILE, Opinion.FAILED, 1.0, HOSTILE, HOSTILE),)
    with premises.store() as store:
        made = Release(canary, "one", 1e9, time.time(), plan=named, phase=HOSTILE, reason=HOSTILE, weight=20)
        store.releases.change(canary, "one", lambda _: made)
        store.releases.change(canary, "two", lambda _: replace(made, id="two", ending=Ending.FAILED, ended_at=2e9))
        told = [
            Report(n, 1e9 + n, kind, HOSTILE, warning=True, phase=HOSTILE, weight=20, checks=checks)
            for n, kind in enumerate((ReportKind.DECISION, ReportKind.EVENT), 1)
        ]
        store.reports.add(canary, "one", told)
    return "hostile"


@pytest.mark.parametrize("path", ["", "/hostile/ad/one"])
def test_a_release_page_has_no_barriers_whatever_the_words(ann: Visit, hostile: str, path: str) -> None:
    page = ann.open(f"/ui/releases{path or '?namespace=' + hostile}")
    barriers = look_both_ways(page, f"releases{path.replace('/', '-')}")

    assert (barriers, is_wider_than_a_phone(page)) == ([], False)
    assert page.get_by_text("<img src=x onerror=alert(1)>[U+202E][U+001B]").count() > 0
