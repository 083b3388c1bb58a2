"""Pages that are kept up to date: what is sent to whom, when it ends, and that it holds up nobody."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.webhooks.pages.desk import Desk
from tests.webhooks.served import Served, eventually, serving
from webhooks import live
from webhooks.errors import StoreError
from webhooks.live import Event, Glance, Hub, write

PATIENCE_S = 20.0


@dataclass
class News:
    told: list[Glance] = field(default_factory=lambda: [Glance("0")])
    asked: list[str] = field(default_factory=list)
    away: bool = False


@dataclass(frozen=True)
class NewsFeed:
    name: str
    news: News = field(hash=False, compare=False)

    def look(self, position: str) -> Glance:
        self.news.asked.append(position)
        if self.news.away:
            raise StoreError("away")
        newest = self.news.told[-1]
        return newest if position != newest.position else Glance(position)


class Reader:
    """Be the page at the other end."""

    def __init__(self, hub: Hub, feed: NewsFeed) -> None:
        ours, self.socket = socket.socketpair()
        self.socket.settimeout(PATIENCE_S)
        hub.take(ours, b"head\n\n", feed, "0")
        self.text = ""

    def read_until(self, wanted: str) -> str:
        while wanted not in self.text:
            piece = self.socket.recv(65536)
            assert piece, f"ended before {wanted}: {self.text}"
            self.text += piece.decode()
        return self.text

    def read_to_the_end(self) -> str:
        while piece := self.socket.recv(65536):
            self.text += piece.decode()
        return self.text


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub(tick_s=0.01)
    made.start()
    yield made
    eventually(lambda: made.open == 0, "the end of every stream")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def join(hub: Hub, feed: NewsFeed, stack: ExitStack) -> Reader:
    reader = Reader(hub, feed)
    stack.callback(reader.socket.close)
    return reader


@pytest.fixture
def news() -> News:
    return News()


def test_what_happens_is_sent_with_where_to_go_on(hub: Hub, stack: ExitStack, news: News) -> None:
    reader = join(hub, NewsFeed("a", news), stack)
    news.told.append(Glance("1", (Event("changed", {"say": "x"}), Event("log"))))
    text = reader.read_until("id: 1")

    assert text.startswith("head\n\n")
    assert 'data: {"kind": "changed", "say": "x"}\n\nid: 1\ndata: {"kind": "log"}\n\n' in reader.read_until(
        '"log"}\n\n'
    )


def test_pages_that_follow_the_same_are_asked_for_once(hub: Hub, stack: ExitStack, news: News) -> None:
    readers = [join(hub, NewsFeed("a", news), stack) for _ in range(5)]
    news.told.append(Glance("1", (Event("changed"),)))
    for reader in readers:
        reader.read_until("changed")

    assert news.asked.count("1") <= news.asked.count("0")
    assert hub.open == 5


def test_a_stream_ends_when_nothing_more_will_happen(hub: Hub, stack: ExitStack, news: News) -> None:
    reader = join(hub, NewsFeed("a", news), stack)
    news.told.append(Glance("1", over=True))

    assert reader.read_to_the_end().endswith('id: 1\ndata: {"kind": "over"}\n\n')


def test_a_page_that_has_left_is_forgotten(hub: Hub, stack: ExitStack, news: News) -> None:
    join(hub, NewsFeed("a", news), stack).socket.close()

    eventually(lambda: hub.open == 0, "nobody")


def test_a_page_that_reads_nothing_is_left_to_come_back(hub: Hub, stack: ExitStack, news: News) -> None:
    join(hub, NewsFeed("a", news), stack)
    news.told.append(Glance("1", (Event("log", {"text": "x" * 3 * 1024 * 1024}),)))

    eventually(lambda: hub.open == 0, "nobody")


def test_a_stream_ends_after_a_while_so_that_the_log_in_is_asked_again(
    hub: Hub, stack: ExitStack, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LASTS_S", 0.05)

    assert join(hub, NewsFeed("a", news), stack).read_to_the_end() == "head\n\n"


def test_a_quiet_stream_shows_that_it_lives(
    hub: Hub, stack: ExitStack, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_QUIET_S", 0.02)

    assert ": still here" in join(hub, NewsFeed("a", news), stack).read_until(": still here")


def test_a_store_that_is_away_is_told_and_ends_nothing(hub: Hub, stack: ExitStack, news: News) -> None:
    reader = join(hub, NewsFeed("a", news), stack)
    news.away = True
    reader.read_until('"away"')
    news.away = False
    news.told.append(Glance("1", (Event("changed"),)))

    assert "id: 1" in reader.read_until("changed")


def test_what_nobody_foresaw_in_one_feed_leaves_the_pages_of_others_alone(
    hub: Hub, stack: ExitStack, news: News, caplog: pytest.LogCaptureFixture
) -> None:
    broken = News(told=[])
    reader, other = (join(hub, NewsFeed(name, of), stack) for name, of in (("a", broken), ("b", news)))
    reader.read_until('"away"')
    news.told.append(Glance("1", (Event("changed"),)))

    assert "id: 1" in other.read_until("changed")
    assert "IndexError" in caplog.text


def test_a_hub_that_was_not_started_or_is_full_takes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    before = hub.takes()
    hub.start()
    started = hub.takes()
    monkeypatch.setattr(live, "MOST_STREAMS", 0)

    assert (before, started, hub.takes()) == (False, True, False)


def test_a_page_that_cannot_be_followed_gets_one_answer_and_asks_again_later(desk: Desk) -> None:
    answer = desk.get("/ui/live/runs")

    assert answer.mimetype == "text/event-stream"
    assert answer.text.startswith("retry: 3000\nid: ")


@pytest.mark.parametrize("start", ["a\ndata: {}", "x" * 500, "\u00e9"])
def test_a_position_that_is_none_of_ours_is_no_position(desk: Desk, start: str) -> None:
    answer = desk.client.get("/ui/live/runs", query_string={"from": start})

    assert answer.text.count("\n") == 3


def test_an_event_is_one_line_whatever_it_holds() -> None:
    written = write(Glance("1", (Event("log", {"text": "a\nb\r\u2028\ud800"}),)))

    assert written.count(b"\n") == 3


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("live") / "data", "--threads", "4") as made:
        yield made


def follow(served: Served, path: str, stack: ExitStack) -> socket.socket:
    parts = urlsplit(served.url)
    opened = stack.enter_context(socket.create_connection((parts.hostname, parts.port), PATIENCE_S))
    opened.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    head = opened.recv(65536)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    return opened


def test_many_open_pages_hold_no_thread(served: Served, stack: ExitStack) -> None:
    pages = [follow(served, "/ui/live/gates", stack) for _ in range(20)]

    assert served.post("/healthz", timeout_s=5) == (200, "OK")
    served.hook("confirm-promotion")
    for page in pages:
        text = b""
        while b"changed" not in text:
            piece = page.recv(65536)
            assert piece
            text += piece


def test_a_head_is_all_there_is_of_a_stream_that_only_asks_for_its_head(served: Served, stack: ExitStack) -> None:
    parts = urlsplit(served.url)
    opened = stack.enter_context(socket.create_connection((parts.hostname, parts.port), PATIENCE_S))
    opened.sendall(f"HEAD /ui/live/gates HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())

    assert b"text/event-stream" in opened.recv(65536)
    assert opened.recv(65536) == b""
