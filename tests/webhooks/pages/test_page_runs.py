"""The pages of runs: the list, one run, its log, its report, and cancelling it."""

from dataclasses import replace

import pytest

from tests.webhooks.pages.desk import Desk
from webhooks.errors import StoreError
from webhooks.routes.pages.run_feeds import TAIL
from webhooks.store.records import Run, RunState


def find(desk: Desk, run_id: str) -> Run:
    found = desk.bench.store.runs.find(run_id)
    assert found is not None
    return found


def write_log(desk: Desk, run_id: str, content: bytes) -> None:
    desk.bench.store.logs.append(run_id, content, 1 << 30)


def end(desk: Desk, run_id: str, state: RunState = RunState.FAILED) -> None:
    run = find(desk, run_id)
    desk.bench.store.runs.save(replace(run, state=state, reason="2 of 3 checks failed", ended_at=desk.bench.time))


def test_runs_are_listed_page_by_page(desk: Desk) -> None:
    first = find(desk, desk.start_run())
    for number in range(60):
        order = replace(first.order, key=f"k{number}")
        desk.bench.store.runs.join(replace(first, id=f"{number:032x}", order=order, created_at=float(number)))
    page = desk.get("/ui/runs?test=suite").text
    older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = desk.get(older).text

    assert (page.count("<tr>"), rest.count("<tr>")) == (1 + 50, 1 + 11)
    assert "data-live" in page
    assert "data-live" not in rest
    assert "Newest" in rest


@pytest.mark.parametrize(
    ("query", "found"),
    [("canary=ad.weather", True), ("canary=ad.prod", False), ("state=queued", True), ("test=other", False)],
)
def test_runs_are_listed_by_what_is_asked(desk: Desk, query: str, found: bool) -> None:  # noqa: FBT001 - a table
    run = desk.start_run()

    assert (run[:8] in desk.get(f"/ui/runs?{query}&who=x").text) is found


@pytest.mark.parametrize("query", ["state=x", "canary=x", "cursor=x"])
def test_a_filter_that_is_none_is_told_on_the_page(desk: Desk, query: str) -> None:
    answer = desk.get(f"/ui/runs?{query}")

    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)


def test_a_run_is_shown_with_its_verdict_and_its_log(desk: Desk) -> None:
    run = desk.start_run("greeting", who="ann")
    write_log(desk, run, b"\x1b[31mred\x1b[0m and plain\n")
    end(desk, run)
    page = desk.text(f"/ui/runs/{run}")

    assert all(word in page for word in ("failed", "2 of 3 checks failed", "red and plain", "who", "ann", "JUnit XML"))


def test_a_run_that_is_not_there_is_said(desk: Desk) -> None:
    assert "there is none, or it was so old that it is forgotten" in desk.text(f"/ui/runs/{'0' * 32}")
    assert desk.get("/ui/runs/x").status_code == 404


def test_a_run_is_cancelled_with_who_and_why(desk: Desk) -> None:
    run = desk.start_run()
    answer = desk.post(f"/ui/runs/{run}/cancel", {"who": "ann", "why": "wrong version"})

    assert (answer.status_code, answer.location) == (303, f"/ui/runs/{run}")
    assert find(desk, run).cancel == "cancelled by ann: wrong version"
    assert "It is being cancelled" in desk.text(f"/ui/runs/{run}")


def test_a_run_that_has_ended_is_not_cancelled(desk: Desk) -> None:
    run = desk.start_run()
    end(desk, run)
    answer = desk.post(f"/ui/runs/{run}/cancel")

    assert (answer.status_code, "has ended already" in answer.text) == (409, True)


@pytest.mark.parametrize("why", ["two\nlines", "x" * 501])
def test_a_reason_that_is_not_one_line_is_refused(desk: Desk, why: str) -> None:
    answer = desk.post(f"/ui/runs/{desk.start_run()}/cancel", {"why": why})

    assert (answer.status_code, "why: not one line" in answer.text) == (400, True)


def test_only_the_end_of_a_long_log_is_shown(desk: Desk) -> None:
    run = desk.start_run()
    write_log(desk, run, b"first\n" + b"x" * 10 * 1024 * 1024 + b"\nlast")
    page = desk.get(f"/ui/runs/{run}")

    assert (len(page.data) < TAIL + 10_000, "last</pre>" in page.text, "first" in page.text) == (True, True, False)
    assert 'id="skipped">' in page.text
    assert len(desk.get(f"/ui/runs/{run}/log").data) == 10 * 1024 * 1024 + 11


def test_a_log_is_followed_from_where_the_page_ended(desk: Desk) -> None:
    run = desk.start_run()
    write_log(desk, run, b"one\n")
    first, position = desk.events(f"/ui/live/runs/{run}")
    write_log(desk, run, b"two\n")
    second, _ = desk.events(f"/ui/live/runs/{run}?from={position}")
    third, _ = desk.events(f"/ui/live/runs/{run}?from=x", Last_Event_ID=position)

    assert [event["text"] for event in first + second + third] == ["one\n", "two\n", "two\n"]


def test_a_character_is_never_torn(desk: Desk) -> None:
    run = desk.start_run()
    text = "a\u00e4\u20ac\U0001f9ea!"
    position = ""
    told = ""
    for byte in text.encode():
        write_log(desk, run, bytes([byte]))
        events, position = desk.events(f"/ui/live/runs/{run}?from={position}")
        told += "".join(str(event["text"]) for event in events)

    assert told == text


def test_bytes_that_are_no_text_do_not_stop_a_log(desk: Desk) -> None:
    run = desk.start_run()
    write_log(desk, run, b"\xff\x80\x80\x80\x80 after")
    (event,), position = desk.events(f"/ui/live/runs/{run}")

    assert str(event["text"]).endswith(" after")
    assert desk.events(f"/ui/live/runs/{run}?from={position}")[0] == []


def test_a_page_that_fell_behind_goes_on_at_the_end(desk: Desk) -> None:
    run = desk.start_run()
    _, position = desk.events(f"/ui/live/runs/{run}")
    write_log(desk, run, b"x" * 3 * TAIL)
    (event,), _ = desk.events(f"/ui/live/runs/{run}?from={position}")

    assert (event["skipped"], len(str(event["text"]))) == (True, TAIL)


def test_that_an_owner_lives_is_no_news(desk: Desk) -> None:
    run = desk.start_run()
    places = {path: desk.events(path)[1] for path in (f"/ui/live/runs/{run}", "/ui/live/runs")}
    desk.bench.store.runs.save(replace(find(desk, run), lease_until=desk.bench.time + 5))

    assert [desk.events(path, Last_Event_ID=place)[0] for path, place in places.items()] == [[], []]


def test_the_end_of_a_run_is_told_and_ends_the_stream(desk: Desk) -> None:
    run = desk.start_run()
    _, position = desk.events(f"/ui/live/runs/{run}")
    end(desk, run)
    told, _ = desk.events(f"/ui/live/runs/{run}?from={position}")

    assert [event["kind"] for event in told] == ["changed", "over"]
    assert told[0]["say"] == "suite: failed"


def test_a_run_that_is_deleted_while_it_is_shown_is_said(desk: Desk) -> None:
    run = desk.start_run()
    end(desk, run)
    desk.bench.store.runs.prune(desk.bench.time + 1, 0)

    assert [event["kind"] for event in desk.events(f"/ui/live/runs/{run}?from=0.0")[0]] == ["gone", "over"]


def test_a_new_run_is_told_to_the_list(desk: Desk) -> None:
    _, position = desk.events("/ui/live/runs")
    desk.start_run()
    told, _ = desk.events("/ui/live/runs", Last_Event_ID=position)

    assert [event["kind"] for event in told] == ["changed"]


def test_a_report_may_do_nothing(desk: Desk) -> None:
    run = desk.start_run()
    end(desk, run)
    shown = desk.get(f"/ui/runs/{run}/report")
    page = desk.get(f"/ui/runs/{run}").text

    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert shown.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert f'src="/ui/runs/{run}/report" sandbox' in page


@pytest.mark.parametrize(
    ("form", "kind"), [("html", "text/html"), ("json", "application/json"), ("junit", "application/xml")]
)
def test_a_report_is_kept_in_each_form(desk: Desk, form: str, kind: str) -> None:
    run = desk.start_run()
    answer = desk.get(f"/ui/runs/{run}/report/{form}")

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{run}.')


def test_a_form_of_report_that_is_none_is_said(desk: Desk) -> None:
    assert "has no form pdf" in desk.text(f"/ui/runs/{desk.start_run()}/report/pdf")


def test_a_store_that_is_away_is_a_page_that_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(desk.bench.store.runs, "find", fail)
    answer = desk.get(f"/ui/runs/{'0' * 32}")
    told, _ = desk.events(f"/ui/live/runs/{'0' * 32}?from=1.5")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "cannot be reached right now" in answer.text
    assert [event["kind"] for event in told] == ["away"]


def test_trouble_that_nobody_foresaw_is_a_page_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.bench.store.runs, "page", lambda _: 1 / 0)

    assert desk.get("/ui/runs").status_code == 503
