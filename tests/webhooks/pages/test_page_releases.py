"""The pages of releases: the list, one release, its chart's points, its gates, and what is told while it is open."""

import time
from dataclasses import replace

import pytest

from tests.webhooks.bench import AD
from tests.webhooks.pages.desk import Desk
from webhooks.app import READ_BACK
from webhooks.errors import ClusterError
from webhooks.protocol import HookType
from webhooks.store.records import CanaryName, GateState
from webhooks.store.releases import (
    ArmFigures,
    CheckFigure,
    Ending,
    Opinion,
    Release,
    ReleasePlan,
    ReleaseQuery,
    Report,
    ReportKind,
)

ONE = "/ui/releases/weather/ad/one"
LIVE = "/ui/live/releases/weather/ad/one"
PLAN = ReleasePlan("v1 -> v2", "r2", "r1", "canary", "threshold", (20, 40), 3, 5.0, 95.0, 500.0)
SLOW = CheckFigure("request-duration", Opinion.FAILED, 731.0, "at most 500 ms", "731 ms of 200 requests")
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


def begin(desk: Desk, plan: ReleasePlan = PLAN, name: str = "one") -> Release:
    return desk.bench.service.releases.begin(AD, name, desk.bench.time, plan)


def tell(desk: Desk, sequence: int = 1, **told: object) -> None:
    report = Report(sequence, desk.bench.time, ReportKind.DECISION, "judged", phase="Progressing", weight=20)
    desk.bench.service.releases.tell(AD, "one", [replace(report, **told)])  # type: ignore[arg-type] # as the test says


def say(desk: Desk, path: str) -> str:
    return " ".join(desk.text(path).split())


def test_releases_under_way_stand_before_those_of_the_past(desk: Desk) -> None:
    begin(desk)
    tell(desk, ending=Ending.PROMOTED)
    desk.bench.service.releases.begin(CanaryName("prod", "shop"), "two", 1.0, PLAN)

    page = desk.text("/ui/releases")

    assert page.index("shop.prod") < page.index("ad.weather")
    assert "ad.weather" not in desk.text("/ui/releases?namespace=prod")


def test_releases_are_listed_page_by_page_in_time(desk: Desk) -> None:
    for number in range(2000):
        made = Release(CanaryName(f"n{number % 7}", "ad"), f"r{number}", float(number), 1.0, ended_at=1.0)
        desk.bench.store.releases.change(made.canary, made.id, lambda _, made=made: made)
    page = desk.get("/ui/releases?namespace=n3").text
    older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    began = time.monotonic()
    rest = desk.get(older).text

    assert (page.count("<tr>"), rest.count("<tr>"), time.monotonic() - began < 1) == (51, 51, True)
    assert ("data-live" in page, "data-live" in rest, "r1999" in page) == (True, False, False)


@pytest.mark.parametrize(("query", "status"), [("namespace=No", 404), ("cursor=x", 400), ("namespace=none", 200)])
def test_a_list_that_cannot_be_is_said(desk: Desk, query: str, status: int) -> None:
    assert desk.get(f"/ui/releases?{query}").status_code == status


def test_a_release_is_shown_with_its_checks_and_their_numbers(desk: Desk) -> None:
    begin(desk)
    figures = ArmFigures(51.5, 731.0, 200)
    tell(desk, verdict=Opinion.FAILED, checks=(SLOW,), canary=figures, failed_checks=1)
    page = say(desk, ONE)

    wanted = ("v1 -> v2", "20 %", "1 of 3 that roll it back", "731 ms of 200 requests", "51.5 %", "at most 500 ms")
    assert [word for word in wanted if word not in page] == []


def test_what_nobody_told_is_not_known_and_never_zero(desk: Desk) -> None:
    begin(desk, ReleasePlan())
    page = say(desk, ONE)

    assert "Canary weight not known" in page
    assert "primary not known , canary not known" in page
    assert " 0 %" not in page


def test_an_end_is_told_with_its_reason(desk: Desk) -> None:
    begin(desk)
    tell(desk, text="3 of 3 checks failed", ending=Ending.ROLLED_BACK)

    assert "ended: rolled back because 3 of 3 checks failed" in desk.text(ONE)
    assert "Roll back" not in desk.text(ONE)


@pytest.mark.parametrize("path", ["none", "x!", "one/none"])
def test_a_release_that_is_not_there_is_said(desk: Desk, path: str) -> None:
    assert desk.get(f"/ui/releases/weather/ad/{path}").status_code == 404


def test_a_silent_release_is_not_believed(desk: Desk) -> None:
    begin(desk)
    desk.bench.time += 3601

    assert "Nothing was heard of it since" in desk.text(ONE)
    assert "silent" in desk.text("/ui/releases")


def test_reports_that_were_lost_are_said(desk: Desk) -> None:
    begin(desk)
    desk.bench.service.releases.tell(AD, "one", [], lost=7)

    assert "7 reports on it were lost" in desk.text(ONE)


def test_the_chart_gets_every_point_in_bounded_pieces(desk: Desk) -> None:
    begin(desk)
    samples = [Report(n, 1.0 * n, ReportKind.SAMPLE, weight=20, canary=ArmFigures(99.0)) for n in range(1, 602)]
    desk.bench.store.reports.add(AD, "one", samples)
    tell(desk, 700, kind=ReportKind.EVENT)
    first = desk.get(f"{ONE}/points").get_json()["points"]
    rest = desk.get(f"{ONE}/points?after={first[-1][0]}").get_json()["points"]

    assert (len(first), len(rest), rest[-1]) == (500, 101, [601, 601.0, 20, None, 99.0, None, None])
    assert desk.get(f"{ONE}/points?after=x").get_json()["points"] == first


def test_a_page_hears_of_points_decisions_and_the_end(desk: Desk) -> None:
    begin(desk)
    position = desk.events(LIVE)[1]
    tell(desk, 5, canary=ArmFigures(99.5, 80.0))
    first, position = desk.events(LIVE, Last_Event_ID=position)
    quiet, position = desk.events(LIVE, Last_Event_ID=position)
    tell(desk, 6, ending=Ending.PROMOTED, phase="Succeeded", weight=0)
    last, position = desk.events(LIVE, Last_Event_ID=position)
    over, _ = desk.events(LIVE, Last_Event_ID=position)

    assert [event["kind"] for event in first] == ["points", "changed"]
    assert first[0]["points"] == [[5, desk.bench.time, 20, None, 99.5, None, 80.0]]
    assert (quiet, [event["kind"] for event in over]) == ([], ["over"])
    assert [(event["kind"], event.get("say")) for event in last][1:] == [
        ("changed", "ended: promoted"),
        ("gates", None),
    ]


def test_a_page_that_is_open_when_the_release_is_forgotten_is_told(desk: Desk) -> None:
    begin(desk)
    position = desk.events(LIVE)[1]
    desk.bench.store.releases.forget(AD, "one")

    assert [event["kind"] for event in desk.events(LIVE, Last_Event_ID=position)[0]] == ["gone", "over"]


def test_the_list_hears_of_changes(desk: Desk) -> None:
    begin(desk)
    position = desk.events("/ui/live/releases/weather")[1]
    elsewhere = desk.events("/ui/live/releases/prod")[1]
    tell(desk)

    assert desk.events("/ui/live/releases/weather", Last_Event_ID=position)[0] == [{"kind": "changed"}]
    assert desk.events("/ui/live/releases/prod", Last_Event_ID=elsewhere)[0] == []
    assert desk.get("/ui/live/releases/").status_code == 200


def test_a_gate_is_approved_where_the_release_is_seen(desk: Desk) -> None:
    begin(desk)
    desk.ask_gate("promotion")
    shown = desk.text(ONE)
    answer = desk.post(f"{ONE}/gates/promotion/approve", {"who": "ann", "why": "it is fine"})

    assert ("promotion" in shown, answer.status_code, answer.location) == (True, 303, f"{ONE}?done=open")
    assert desk.bench.call(HookType.CONFIRM_PROMOTION, gate="promotion").reason.endswith("by ann: it is fine")
    assert "last by ann : it is fine" in say(desk, f"{ONE}?done=open")


def test_a_gate_is_halted_where_the_release_is_seen(desk: Desk) -> None:
    begin(desk)
    desk.ask_gate("promotion")
    desk.post(f"{ONE}/gates/promotion/halt", {"who": "ann", "why": "not yet"})

    (gate,) = desk.bench.service.gates.select(AD)
    assert (gate.state, gate.why) == (GateState.CLOSED, "not yet")


def test_a_rollback_is_asked_for_where_the_release_is_seen(desk: Desk) -> None:
    begin(desk)
    before = desk.bench.call(HookType.ROLLBACK).status
    desk.post(f"{ONE}/gates/rollback/approve", {"who": "ann", "why": "customers complain"})

    assert (before, desk.bench.call(HookType.ROLLBACK).status) == (403, 200)
    assert "The rollback gate is open, by ann : customers complain" in say(desk, ONE)


def test_a_rollback_that_nobody_would_hear_is_not_offered(desk: Desk) -> None:
    begin(desk)

    assert "would not be heard" in desk.text(ONE)
    assert "<button" not in desk.get(ONE).text.partition('<div id="gates"')[2]


def test_a_release_that_is_over_takes_no_word(desk: Desk) -> None:
    begin(desk)
    tell(desk, ending=Ending.PROMOTED)

    assert desk.post(f"{ONE}/gates/promotion/approve").status_code == 409


def test_only_who_may_decides(secured: Desk) -> None:
    begin(secured)
    secured.ask_gate()
    secured.log_in("read")

    assert "To decide you need the scope" in secured.text(ONE)
    assert secured.post(f"{ONE}/gates/promotion/approve").status_code == 403


def test_a_journal_is_given_to_keep(desk: Desk) -> None:
    begin(desk)
    missing = desk.get(f"{ONE}/journal")
    desk.bench.store.reports.keep_journal(AD, "one", b'{"line": 1}\n')
    found = desk.get(f"{ONE}/journal")

    assert (missing.status_code, "--report-to" in missing.text) == (404, True)
    assert (found.data, found.headers["Content-Disposition"]) == (
        b'{"line": 1}\n',
        'attachment; filename="ad-one.journal.jsonl"',
    )
    assert "sandbox" in found.headers["Content-Security-Policy"]


def test_what_hooks_alone_tell_is_shown_as_far_as_it_is_known(desk: Desk) -> None:
    desk.bench.call(HookType.PRE_ROLLOUT, test="suite", wait="1ms")
    desk.bench.call(HookType.EVENT, eventMessage="Advance ad.weather canary weight 40", eventType="Normal")
    (release,) = desk.bench.service.releases.page(ReleaseQuery())
    there = f"/ui/releases/weather/ad/{release.id}"
    page, points = desk.text(there), desk.get(f"{there}/points").get_json()["points"]

    assert "nobody reports its measurements" in page
    assert "Advance ad.weather canary weight 40" in page
    assert "suite" in page
    assert [(point[2], point[4]) for point in points] == [(None, None), (40, None)]


def test_a_page_hears_of_what_hooks_alone_tell(desk: Desk) -> None:
    desk.bench.call(HookType.EVENT, eventMessage="New revision detected! Scaling up ad.weather")
    (release,) = desk.bench.service.releases.page(ReleaseQuery())
    position = desk.events(live := f"/ui/live/releases/weather/ad/{release.id}")[1]
    desk.bench.time += 5
    desk.bench.call(HookType.EVENT, eventMessage="Advance ad.weather canary weight 40")
    first, position = desk.events(live, Last_Event_ID=position)
    desk.bench.call(HookType.POST_ROLLOUT, phase="Succeeded")
    last, _ = desk.events(live, Last_Event_ID=position)

    assert [event["kind"] for event in (*first, *last)] == ["points", "changed", "points", "changed", "gates"]
    assert [[point[2] for point in told[0]["points"]] for told in (first, last)] == [[None, 40], [None, 40, 0]]  # type: ignore[attr-defined] # JSON


@pytest.mark.parametrize(("phase", "said"), [("Promoting", True), ("", False)])
def test_the_canary_itself_is_believed_where_it_is_read_back(desk: Desk, phase: str, *, said: bool) -> None:
    class Reading:
        def find_phase(self, canary: CanaryName) -> str:
            if not phase:
                raise ClusterError(f"{canary} cannot be read")
            return phase

    desk.app.extensions[READ_BACK] = Reading()
    begin(desk)
    tell(desk)

    assert ("its Canary says Promoting" in say(desk, ONE)) is said


def test_hostile_words_are_shown_safely_in_every_field(desk: Desk) -> None:
    begin(desk, ReleasePlan(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE))
    check = CheckFigure(HOSTILE, Opinion.FAILED, 1.0, HOSTILE, HOSTILE)
    tell(desk, text=HOSTILE, phase=HOSTILE, checks=(check,))
    tell(desk, 2, kind=ReportKind.EVENT, text=HOSTILE)
    desk.bench.call(HookType.EVENT, eventMessage=HOSTILE + "2")
    desk.bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")
    desk.post(f"{ONE}/gates/promotion/approve", {"who": "<b>\u202e", "why": "<i>\u202e"})

    for page in (desk.get(ONE).text, desk.get("/ui/releases").text):
        assert "<script>alert" not in page
        assert not {"\u202e", "\x1b"} & set(page)
        assert "&lt;script&gt;" in page
