"""What strangers may call their things, and what of it a page shows."""

from dataclasses import replace

import pytest

from tests.webhooks.bench import Bench
from tests.webhooks.pages.desk import Desk
from webhooks.protocol import HookType
from webhooks.routes.texts import show, show_lines, show_moment
from webhooks.settings import Settings
from webhooks.store.records import CanaryName, Gate, GateState, Run, RunOrder, RunState

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"' onfocus=alert(1) autofocus x='",
    "\x1b[2J\x1b]0;owned\x07",
    "gnp.\u202etest",
    "invis\u200bible\ufeff",
    "z\u0327\u0334\u0335\u0336\u0337\u0338\u0339\u033a" * 20,
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\u3164\u2800\u115f",
    "x" * 100_000,
    "\x00\x08\x7f\r\n\u2028",
]
SEEN = ["\x1b", "\u202e", "\u200b", "\ufeff", "\x00", "\x08", "\x7f", "\u2028", "\u3164", "\u2800", "<img", "<script>a"]


@pytest.fixture
def littered(desk: Desk) -> Desk:
    """A service in which everything is called something hostile."""
    store, now = desk.bench.store, desk.bench.time
    for number, name in enumerate(HOSTILE):
        canary = CanaryName(name, name)
        order = RunOrder(f"k{number}", canary, 1, name, name, "{}", name, "", {name: name})
        ended = RunState.FAILED if number % 2 else RunState.RUNNING
        run = Run(f"{number:032x}", order, now, ended, started_at=1e300, reason=name, log=name, cancel=name)
        store.runs.join(run)
        store.logs.append(run.id, name.encode(), 1 << 30)
        word = Gate(canary, name, 1, GateState.WAITING, now, name, name, name, (name, name), template=name)
        store.gates.change(canary, name, 1, lambda _, word=word: word)
    return desk


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One service for tests that change nothing."""
    folder = tmp_path_factory.mktemp("desk")
    return Desk(Bench(folder), Settings(data_dir=folder))


PATHS = ["/ui/", "/ui/runs", "/ui/gates", *(f"/ui/runs/{number:032x}" for number in range(len(HOSTILE)))]


def test_whatever_things_are_called_a_page_stays_a_page(littered: Desk) -> None:
    answers = [littered.get(path) for path in PATHS]
    pages = [answer.text.replace("\r\n", "\n") for answer in answers]

    assert [answer.status_code for answer in answers] == [200] * len(PATHS)
    assert [(path, seen) for path, page in zip(PATHS, pages, strict=True) for seen in SEEN if seen in page] == []
    assert max(map(len, pages)) < 200_000


def test_a_report_shows_what_is_hidden(littered: Desk) -> None:
    pages = [littered.get(f"/ui/runs/{number:032x}/report").text for number in range(len(HOSTILE))]

    assert [seen for page in pages for seen in SEEN if seen in page] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_asked_for_is_shown_safely_too(shared_desk: Desk, text: str) -> None:
    desk = shared_desk
    pages = [
        desk.client.get("/ui/runs", query_string={"test": text, "state": text, "canary": text}),
        desk.client.get("/ui/gates", query_string={"canary": text}),
        desk.client.get("/ui/login", query_string={"next": text}),
        desk.client.get(f"/ui/runs/{text[:50]}"),
        desk.client.get(f"/ui/gates/weather/ad/{text[:50]}"),
        desk.post("/ui/runs/x/cancel", {"why": text}),
    ]

    assert {answer.status_code for answer in pages} <= {200, 400, 404}
    assert not [seen for seen in ("<img", "<script>a", "\x1b") for answer in pages if seen in answer.text]


def test_what_is_kept_of_a_gate_is_shown_safely(desk: Desk) -> None:
    desk.bench.call(HookType.CONFIRM_PROMOTION)
    gate = "/ui/gates/weather/ad/confirm-promotion"
    desk.post(f"{gate}/halt", {"who": HOSTILE[0], "why": HOSTILE[4]})
    page = desk.get(gate).text

    assert "&lt;script&gt;" in page
    assert "gnp.[U+202E]test" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\u00fc\u65e5\u672c", "\u00fc\u65e5\u672c"),
        ("a\ud800b", "a[U+D800]b"),
        ("a\nb", "a[U+000A]b"),
    ],
)
def test_a_text_is_shown_as_it_is_unless_it_deceives(text: str, shown: str) -> None:
    assert show(text) == shown


def test_lines_stay_lines_and_colours_are_left_out() -> None:
    assert show_lines("\x1b[1;31mred\x1b[0m\r\n\tin") == "red\n\tin"


@pytest.mark.parametrize(
    ("moment", "shown"), [(0.0, "not known"), (1e300, "not known"), (60.0, "1970-01-01 00:01:00 UTC")]
)
def test_a_moment_is_shown_when_it_is_one(moment: float, shown: str) -> None:
    assert show_moment(moment) == shown


def test_a_run_that_ends_with_a_hostile_reason_is_told_safely(desk: Desk) -> None:
    run = desk.start_run()
    _, position = desk.events(f"/ui/live/runs/{run}")
    found = desk.bench.store.runs.find(run)
    assert found is not None
    desk.bench.store.runs.save(replace(found, order=replace(found.order, test="x\u202ey"), reason="\u202e"))

    assert desk.events(f"/ui/live/runs/{run}?from={position}")[0][0]["say"] == "x[U+202E]y: queued"
