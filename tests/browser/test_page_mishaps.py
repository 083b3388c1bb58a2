"""What a page that is open meets: a restart, a deleted run, a log-in that ends, hostile names."""

import os
import signal
import time
from dataclasses import replace

from playwright.sync_api import Page, Route, expect

from tests.browser.premises import Premises
from tests.browser.visits import Visit, find_barriers, is_wider_than_a_phone, keep_picture
from tests.webhooks.served import children_of, eventually
from webhooks.runs.changes import change
from webhooks.store.records import CanaryName, Run, RunOrder, RunState

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe\u200b\x1b[31m" + "wide" * 500
GONE = "0" * 31 + "1"


def store_run(premises: Premises, run_id: str, name: str) -> None:
    """Store a run that has ended, everything about it called by a name."""
    order = RunOrder(run_id, CanaryName(name, name), 1, name, name, "{}", name, "", {name: name})
    run = Run(run_id, order, 1.0, RunState.FAILED, standing=False, ended_at=2.0, reason=name, log=name)
    with premises.store() as store:
        store.runs.join(run)
        store.logs.append(run_id, name.encode(), 1 << 20)


def end_long_ago(premises: Premises, run_id: str) -> None:
    """Have a run be one that ended so long ago that it may be deleted."""
    with premises.store() as store:
        change(store.runs, run_id, lambda now: replace(now, state=RunState.CANCELLED, ended_at=1.0, standing=False))


def delete_old_runs(premises: Premises) -> None:
    with premises.store() as store:
        store.runs.prune(2.0, 1_000_000)


def restart(premises: Premises) -> None:
    """Have the processes that answer die, and wait for the next ones."""
    for worker in children_of(premises.served.web):
        os.kill(worker, signal.SIGKILL)
    eventually(premises.served.accepts, "a new worker")


def test_a_page_that_is_open_over_a_restart_goes_on(ann: Visit, premises: Premises) -> None:
    page = ann.open("/ui/gates")
    premises.hook("confirm-promotion", "before")
    expect(page.get_by_text("before.weather")).to_be_visible()
    restart(premises)
    premises.hook("confirm-promotion", "after")

    expect(page.get_by_text("after.weather")).to_be_visible(timeout=15_000)


def test_a_page_whose_log_in_has_ended_says_so(ann: Visit, premises: Premises) -> None:
    page = ann.open("/ui/gates")
    premises.hook("confirm-promotion", "followed")
    expect(page.get_by_text("followed.weather")).to_be_visible()
    ann.context.clear_cookies()
    restart(premises)

    expect(page.get_by_text("Your log-in has ended")).to_be_visible()


def test_a_run_that_is_deleted_while_it_is_shown_is_said(ann: Visit, premises: Premises) -> None:
    run = premises.start_run("shortlived", "long", seconds="101")
    page = ann.open(f"/ui/runs/{run}")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run .state")).to_have_text("cancelled")
    other = premises.start_run("shortlived", "long", seconds="102")
    still = ann.open(f"/ui/runs/{other}")
    end_long_ago(premises, other)
    delete_old_runs(premises)

    expect(still.get_by_text("it was deleted while the page was open")).to_be_visible()


def test_a_run_that_is_deleted_before_its_news_is_fetched_is_said(ann: Visit, premises: Premises) -> None:
    run = premises.start_run("fleeting", "long", seconds="104")
    page = ann.open(f"/ui/runs/{run}")

    def delete_and_fetch(route: Route) -> None:
        delete_old_runs(premises)
        route.continue_()

    page.route(f"**/ui/runs/{run}", delete_and_fetch)
    end_long_ago(premises, run)

    expect(page.get_by_text("it was deleted while the page was open")).to_be_visible()
    page.unroute_all(behavior="wait")


def test_an_expired_log_in_leads_back_to_what_was_done(ann: Visit, premises: Premises) -> None:
    premises.hook("confirm-promotion", "late")
    page = ann.open("/ui/gates/weather/late/confirm-promotion")
    ann.context.clear_cookies()
    page.get_by_role("form", name="Approve").get_by_role("button").click()
    page.get_by_label("Token").fill(premises.tokens["bob"])
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("heading", name="Gate confirm-promotion")).to_be_visible()
    expect(page.locator("#gate .state").first).to_have_text("waiting")


def typed(page: Page) -> tuple[str, bool]:
    return page.evaluate("[document.activeElement.value, document.activeElement.id === 'cancel-why']")


def test_what_one_types_outlives_what_happens_meanwhile(ann: Visit, premises: Premises) -> None:
    run = premises.start_run("typed", "long", seconds="103")
    page = ann.open(f"/ui/runs/{run}")
    page.get_by_label("Why").press_sequentially("half a rea")
    with premises.store() as store:
        change(store.runs, run, lambda now: replace(now, reason="news of it"))
    expect(page.get_by_text("news of it")).to_be_visible()

    assert typed(page) == ["half a rea", True]
    assert find_barriers(page) == []
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run .state")).to_have_text("cancelled")


def test_what_is_called_something_hostile_is_shown_safely(ann: Visit, premises: Premises) -> None:
    store_run(premises, f"{time.time_ns():032x}", HOSTILE)
    store_run(premises, GONE, HOSTILE)
    page = ann.open(f"/ui/runs/{GONE}")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Report")).to_be_visible()
    keep_picture(page, "hostile")

    assert not is_wider_than_a_phone(page)
    page.goto(premises.url + "/ui/runs?state=failed")
    assert not is_wider_than_a_phone(page)
    assert "[U+202E]" in page.inner_text("main")
    assert find_barriers(page) == []


def test_the_first_thing_the_keyboard_reaches_skips_what_every_page_has(ann: Visit) -> None:
    page = ann.open("/ui/runs")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    inside = page.evaluate("document.activeElement.id")

    assert (first, inside) == ("Skip to the content", "main")
