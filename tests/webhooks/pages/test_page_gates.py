"""The pages of gates, of the catalog, and the first page."""

import os

import pytest

from tests.webhooks.bench import AD
from tests.webhooks.pages.desk import GATE, Desk
from webhooks.protocol import HookType
from webhooks.store.records import CanaryName, GateState

RULES = "\ngates: {promotion: {approvals: 2, expires: 1h, patience: 2h}}\n"


def last_word(desk: Desk, gate: str = "confirm-promotion") -> tuple[GateState, str, str]:
    word = desk.bench.service.gates.history(AD, gate)[-1]
    return word.state, word.who, word.why


@pytest.mark.parametrize(("verb", "state"), [("approve", GateState.OPEN), ("halt", GateState.CLOSED)])
def test_a_gate_is_decided_with_who_and_why(desk: Desk, verb: str, state: GateState) -> None:
    desk.ask_gate()
    desk.post(f"{GATE}/{verb}", {"who": "ann", "why": "looked at it"})

    assert last_word(desk) == (state, "ann", "looked at it")
    assert "ann" in desk.text(GATE)


def test_what_was_decided_is_said_on_the_page(desk: Desk) -> None:
    desk.ask_gate()
    answer = desk.post(f"{GATE}/approve", {"lasts": "2h"})

    assert "Your approval is kept." in desk.text(answer.location)
    assert desk.bench.service.gates.select()[0].expires_at == desk.bench.time + 7200


@pytest.mark.parametrize(
    ("verb", "against", "told"),
    [("approve", "halt", "Your approval is kept."), ("halt", "approve", "The gate is halted.")],
)
def test_what_was_decided_is_said_within_the_live_part_until_somebody_says_otherwise(
    desk: Desk, verb: str, against: str, told: str
) -> None:
    desk.ask_gate()
    there = desk.post(f"{GATE}/{verb}").location
    page = desk.get(there).text
    desk.post(f"{GATE}/{against}")

    assert page.index('<div id="gate"') < page.index(f'role="status">{told}') < page.index("What was said")
    assert told not in desk.text(there)


@pytest.mark.parametrize(("verb", "done"), [("approve", "open"), ("halt", "closed")])
def test_who_said_nothing_is_not_told_that_their_word_is_kept(secured: Desk, verb: str, done: str) -> None:
    secured.ask_gate()
    secured.log_in("approve")
    secured.post(f"{GATE}/{verb}")
    own = secured.get(f"{GATE}?done={done}").text
    secured.log_in("admin")
    other = secured.get(f"{GATE}?done={done}").text

    assert ('class="notice good"' in own, 'class="notice good"' in other) == (True, False)


def test_one_approval_of_two_is_kept_although_the_gate_still_waits(secured: Desk) -> None:
    secured.bench.catalog.write_text(secured.bench.catalog.read_text() + RULES)
    os.utime(secured.bench.catalog, (1, 1))
    secured.ask_gate("promotion")
    secured.log_in("approve")
    answer = secured.post("/ui/gates/weather/ad/promotion/approve")

    assert "Your approval is kept." in secured.text(answer.location)


def test_a_release_is_rolled_back_by_its_rollback_gate(desk: Desk) -> None:
    desk.ask_gate()
    desk.post("/ui/gates/weather/ad/rollback/approve", {"why": "errors"})

    assert desk.bench.call(HookType.ROLLBACK).status == 200
    assert "Take it back" in desk.text("/ui/gates/weather/ad/rollback")


def test_several_people_approve_under_the_names_of_their_tokens(secured: Desk) -> None:
    secured.bench.catalog.write_text(secured.bench.catalog.read_text() + RULES)
    os.utime(secured.bench.catalog, (1, 1))
    secured.ask_gate("promotion")
    for scopes in ("approve", "admin"):
        secured.log_in(scopes)
        mark = secured.mark()
        secured.client.post("/ui/gates/weather/ad/promotion/approve", data={"mark": mark, "who": "somebody"})

    words = secured.bench.service.gates.history(AD, "promotion")
    assert [word.state for word in words] == [GateState.WAITING, GateState.WAITING, GateState.OPEN]
    assert words[-1].approvals == ("who-approve", "who-admin")
    assert "2 of 2 approvals" in secured.text("/ui/gates/weather/ad/promotion")


def test_a_decision_that_cannot_be_taken_is_refused_with_the_reason(desk: Desk) -> None:
    answer = desk.post(f"{GATE}/approve")

    assert (answer.status_code, "no release of ad.weather is under way" in answer.text) == (409, True)


def test_an_approval_of_another_template_than_the_one_shown_is_refused(desk: Desk) -> None:
    desk.ask_gate()
    answer = desk.post(f"{GATE}/approve", {"template": "abc"})

    assert (answer.status_code, "look again" in answer.text) == (409, True)


@pytest.mark.parametrize(("fields", "status"), [({"lasts": "soon"}, 400), ({"why": "a\tb"}, 400)])
def test_a_field_that_is_none_is_told(desk: Desk, fields: dict[str, str], status: int) -> None:
    desk.ask_gate()

    assert desk.post(f"{GATE}/approve", fields).status_code == status


@pytest.mark.parametrize("path", [GATE, "/ui/gates/weather/ad/no*gate", "/ui/gates/UP/ad/x"])
def test_a_gate_that_nobody_asked_for_is_said(desk: Desk, path: str) -> None:
    assert desk.get(path).status_code == 404


def test_gates_that_wait_come_first_and_one_canarys_alone_when_asked(desk: Desk) -> None:
    desk.bench.service.gates.put(CanaryName("prod", "shop"), "*", GateState.OPEN)
    desk.ask_gate()
    page = desk.text("/ui/gates")

    assert page.index("ad.weather") < page.index("shop.prod")
    assert "ad.weather" not in desk.text("/ui/gates?canary=shop")


def test_of_very_many_gates_a_part_is_shown_and_the_rest_counted(desk: Desk) -> None:
    for number in range(103):
        desk.bench.service.gates.put(CanaryName("prod", f"shop-{number}"), "*", GateState.OPEN)

    assert "3 more: name their canary" in desk.text("/ui/gates")


@pytest.mark.parametrize("path", ["/ui/live/gates", f"/ui/live{GATE.removeprefix('/ui')}", "/ui/live/start"])
def test_a_word_is_told_to_open_pages(desk: Desk, path: str) -> None:
    desk.ask_gate()
    before, position = desk.events(path)
    desk.post(f"{GATE}/approve")
    after, _ = desk.events(path, Last_Event_ID=position)

    assert (before, [event["kind"] for event in after]) == ([], ["changed"])


def test_what_is_said_of_another_gate_of_the_canary_is_told_too(desk: Desk) -> None:
    desk.ask_gate("other")
    (event,), _ = desk.events("/ui/live/gates/weather/ad/unasked?from=0")

    assert event == {"kind": "changed"}


def test_the_first_page_shows_what_waits_and_what_runs(desk: Desk) -> None:
    run = desk.start_run()
    desk.ask_gate()
    page = desk.text("/ui/")

    assert all(word in page for word in (run[:8], "confirm-promotion"))


def test_of_many_waiting_gates_the_first_page_says_how_many(desk: Desk) -> None:
    for number in range(25):
        desk.ask_gate(f"gate-{number}")

    assert "25 wait" in desk.text("/ui/")


def test_the_catalog_is_shown_with_types_and_defaults(desk: Desk) -> None:
    desk.bench.catalog.write_text(
        desk.bench.catalog.read_text().replace("suite: {kind: http,", "suite: {kind: http, description: Looks,") + RULES
    )
    os.utime(desk.bench.catalog, (1, 1))
    page = desk.text("/ui/catalog")

    assert all(word in page for word in ("Looks", "matching [a-z]+; must be given", "one of warm, cold; default warm"))
    assert all(word in page for word in ("team-*", "3600 s", "7200 s"))


def test_a_faulty_catalog_is_told_with_every_fault(desk: Desk) -> None:
    desk.bench.catalog.write_text("tests: {x: {kind: magic}}")
    os.utime(desk.bench.catalog, (1, 1))

    assert "tests.x" in desk.text("/ui/catalog")
    assert "The newest catalog is faulty" in desk.text("/ui/")
