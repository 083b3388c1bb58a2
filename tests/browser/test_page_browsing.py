"""The pages as people see and use them, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.premises import Premises
from tests.browser.visits import Visit, is_wider_than_a_phone, keep_picture, look_both_ways
from tests.webhooks.served import eventually


def test_one_logs_in_on_the_way_to_a_page_and_out_again(visit: Visit, premises: Premises) -> None:
    page = visit.log_in(premises.tokens["eve"], "/ui/runs?state=failed")

    expect(page.get_by_text("eve")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.goto(premises.url + "/ui/gates")
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_wrong_token_is_said(visit: Visit) -> None:
    page = visit.open("/ui/login")
    page.get_by_label("Token").fill("pst_wrong")
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_contain_text("no valid token")


def test_a_gate_is_approved_and_halted(ann: Visit, premises: Premises) -> None:
    premises.hook("confirm-promotion", "gated")
    page = ann.open("/ui/gates/weather/gated/confirm-promotion")
    form = page.get_by_role("form", name="Approve")
    form.get_by_label("Why").fill("it is fine")
    keep_picture(page, "gate")
    form.get_by_role("button").click()

    expect(page.get_by_role("status").filter(has_text="Your approval is kept")).to_be_visible()
    assert premises.hook("confirm-promotion", "gated") == (
        200,
        "gate confirm-promotion of gated.weather is open, by ann: it is fine",
    )


def test_what_another_says_is_seen_without_loading_the_page_again(ann: Visit, premises: Premises) -> None:
    premises.hook("confirm-promotion", "shared")
    page = ann.open("/ui/gates/weather/shared/confirm-promotion")
    other = ann.open("/ui/gates/weather/shared/confirm-promotion")
    other.get_by_role("form", name="Roll back").get_by_role("button").click()
    other.goto(premises.url + "/ui/gates/weather/shared/confirm-promotion")
    other.get_by_role("form", name="Halt").get_by_role("button").click()

    expect(page.locator("#gate .state").first).to_have_text("closed")
    assert premises.hook("rollback", "shared")[0] == 200


def test_what_was_said_is_confirmed_until_another_says_otherwise(ann: Visit, premises: Premises) -> None:
    premises.hook("confirm-promotion", "doubted")
    page = ann.open("/ui/gates/weather/doubted/confirm-promotion")
    page.get_by_role("form", name="Approve").get_by_role("button").click()
    kept = page.get_by_role("status").filter(has_text="Your approval is kept")
    expect(kept).to_be_visible()
    other = ann.open("/ui/gates/weather/doubted/confirm-promotion")
    other.get_by_role("form", name="Halt").get_by_role("button").click()

    expect(page.locator("#gate .state").first).to_have_text("closed")
    expect(kept).to_have_count(0)


def test_a_log_grows_while_it_is_shown_and_the_end_is_told(ann: Visit, premises: Premises) -> None:
    run = premises.start_run("talker", "chatty")
    page = ann.open(f"/ui/runs/{run}")

    expect(page.locator("#log")).to_contain_text("line 3 of rain")
    expect(page.locator("#run .state")).to_have_text("passed")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Report")).to_be_visible()
    keep_picture(page, "run")


def test_a_run_is_cancelled_with_the_keyboard_alone(ann: Visit, premises: Premises) -> None:
    run = premises.start_run("sleeper", "long", seconds="100")
    page = ann.open(f"/ui/runs/{run}")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "cancel-why":
            break
    page.keyboard.type("wrong version")
    page.keyboard.press("Enter")

    expect(page.locator("#run .state")).to_have_text("cancelled")
    eventually(lambda: premises.state_of(run) == "cancelled", "a cancelled run")


PAGES = ["/ui/", "/ui/runs", "/ui/gates", "/ui/catalog", "/ui/gates/weather/seen/promotion", "/ui/none", "/ui/login"]


@pytest.fixture(scope="session")
def furnished(premises: Premises) -> None:
    premises.hook("confirm-promotion", "seen", gate="promotion")
    premises.start_run("seen", "quick")


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_barriers_dark_light_or_on_a_phone(ann: Visit, path: str) -> None:
    page, name = ann.open(path), path.strip("/").replace("/", "-")

    assert not is_wider_than_a_phone(page, name)
    assert look_both_ways(page, name) == []
