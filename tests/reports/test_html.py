import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from workflows.reports import html
from workflows.reports.chart import ceiling
from workflows.reports.release import ReleaseReport
from workflows.rollout.state import Outcome

HOSTILE = "<script>alert('1')</script>\x1b[2J\u202e\"&"
VOID = {"meta"}


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids |= {found.get("id") or ""}
        self.links += [found[name] or "" for name in ("href", "src") if name in found]
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(releases: list[ReleaseReport]) -> Outline:
    parser = Outline()
    parser.feed(html.render(releases))
    assert parser.open == []
    return parser


def test_every_decision_stands_in_the_page_with_its_reason(promoted: ReleaseReport, rolled_back: ReleaseReport) -> None:
    text = " ".join(outline([promoted, rolled_back]).text)

    for release in (promoted, rolled_back):
        assert release.reason in text
        assert all(decision.reason in text for decision in release.decisions)
    assert "no data" in text


def test_the_page_tells_outcome_and_user_failures(promoted: ReleaseReport, rolled_back: ReleaseReport) -> None:
    text = " ".join(outline([promoted, rolled_back]).text)

    assert "promoted" in text
    assert "rolled back" in text
    assert "8 of 100 requests" in text


def test_every_mark_in_the_drawing_leads_to_its_row(promoted: ReleaseReport, rolled_back: ReleaseReport) -> None:
    page = outline([promoted, rolled_back])

    assert {link.removeprefix("#") for link in page.links} <= page.ids
    assert len(page.links) == 2 + 4


def test_the_page_needs_nothing_from_outside(promoted: ReleaseReport) -> None:
    page = html.render([promoted])

    assert not re.search(r"https?:|//|@import|url\(|<script|<link|<img|<iframe", page)


def test_hostile_text_is_shown_and_not_obeyed(rolled_back: ReleaseReport) -> None:
    check = replace(rolled_back.decisions[0].checks[0], name=HOSTILE, limit=HOSTILE, reason=HOSTILE)
    decision = replace(rolled_back.decisions[0], checks=(check,), reason=HOSTILE)
    release = replace(rolled_back, name=HOSTILE, reason=HOSTILE, decisions=(decision,))

    page = outline([release])

    assert "script" not in page.tags
    assert not re.search("[\x1b\u202e]", html.render([release]))
    assert any("alert('1')" in text for text in page.text)


def test_a_release_that_recorded_nothing_says_so() -> None:
    text = " ".join(outline([ReleaseReport("ad", Outcome.FAILED, (), 0, "primary not ready", 1.0)]).text)

    assert "No timeline was recorded." in text
    assert "No decision was recorded." in text


def test_no_release_at_all_is_a_page_too() -> None:
    assert "No release is on record." in outline([]).text


def test_a_limit_within_reach_is_drawn_and_one_far_above_is_told(
    promoted: ReleaseReport, rolled_back: ReleaseReport
) -> None:
    assert "at most 500 ms, far above" in html.render([promoted])
    assert "at most 500 ms<" in html.render([rolled_back])


def test_a_line_breaks_where_nothing_was_measured_and_a_value_alone_is_a_dot(rolled_back: ReleaseReport) -> None:
    shares = (80.0, None, 90.0)
    points = zip(rolled_back.timeline, shares, strict=True)
    timeline = tuple(replace(point, canary_success_percent=share, canary_p99_ms=None) for point, share in points)

    page = html.render([replace(rolled_back, timeline=timeline)])

    assert re.findall(r'class="line canary" d="([^"V]+)"', page) == ["M0.0 66.7L0.0 66.7 M1000.0 33.3L1000.0 33.3"]


def test_the_page_is_written_where_it_is_asked_for(promoted: ReleaseReport, tmp_path: Path) -> None:
    html.write_html(tmp_path / "report.html", [promoted])

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html.render([promoted])


@pytest.mark.parametrize(("value", "rounded"), [(0, 1), (1, 1), (3, 5), (7, 10), (180, 200), (0.3, 0.5)])
def test_the_top_of_an_axis_is_a_round_number(value: float | None, rounded: float) -> None:
    assert ceiling(value) == pytest.approx(rounded)
