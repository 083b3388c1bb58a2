import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.local_traffic import eventually
from workflows.errors import ConfigurationError
from workflows.local.conversation import Conversation, UnansweredError
from workflows.local.users import Failure, Tally, UserTraffic

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Script = Callable[[socket.socket], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    statuses = (200,)
    users: set[str]

    def do_GET(self) -> None:
        self.users.update(parse_qs(urlsplit(self.path).query)["user"])
        self.send_response(self.statuses[len(self.users) % len(self.statuses)])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        del format, args


@contextmanager
def website(*statuses: int) -> Iterator[tuple[str, set[str]]]:
    users: set[str] = set()
    handler = type("Site", (Handler,), {"statuses": statuses, "users": users})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ad", users
        server.shutdown()
        thread.join(10)


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """Serve every connection with a script and close it then."""
    threads: list[threading.Thread] = []
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, script, threads))
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/ad"
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(10)
    for thread in threads:
        thread.join(10)


def _accept(listener: socket.socket, script: Script, threads: list[threading.Thread]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threads.append(threading.Thread(target=_serve, args=(connection, script)))
        threads[-1].start()


def _serve(connection: socket.socket, script: Script) -> None:
    with closing(connection), suppress(ConnectionError):
        connection.settimeout(10)
        script(connection)


def answering(*answers: bytes) -> Script:
    """Answer one request after another; an empty answer is none."""

    def script(connection: socket.socket) -> None:
        for answer in answers:
            if not connection.recv(4096):
                return
            connection.sendall(answer)

    return script


def visit(url: str, requests: int = 20, *, per_second: float = 200, timeout_s: float = 5.0) -> Tally:
    """Send requests until so many were answered or failed."""
    with UserTraffic(url, per_second, timeout_s) as traffic:
        eventually(lambda: traffic.snapshot().requests >= requests)
    return traffic.snapshot()


def test_many_users_come_and_none_fails() -> None:
    with website(200) as (url, users):
        tally = visit(url, 50)

    assert tally.failures == 0
    assert len(users) > 30


def test_requests_come_at_the_asked_rate_however_slow_the_answers_are() -> None:
    over = threading.Event()

    with scripted(lambda _: over.wait(10) and None) as url, UserTraffic(url, 100, timeout_s=0.5) as traffic:
        eventually(lambda: traffic.snapshot().requests >= 20)
        over.set()

    assert traffic.snapshot().by_failure[Failure.TIMED_OUT] >= 20


def test_an_answer_of_4xx_or_5xx_is_a_failure_of_its_kind() -> None:
    with website(200, 404, 503) as (url, _):
        tally = visit(url, 60)

    assert set(tally.by_failure) == {Failure.CLIENT_ERROR, Failure.SERVER_ERROR}
    assert tally.failures < tally.requests


def test_a_query_of_the_url_is_kept() -> None:
    with website(200) as (url, users):
        tally = visit(f"{url}?size=2")

    assert tally.failures == 0
    assert users


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n",
    ],
)
def test_a_server_that_closes_after_every_answer_fails_nobody(answer: bytes) -> None:
    with scripted(answering(answer)) as url:
        tally = visit(url)

    assert tally.failures == 0


def test_a_kept_connection_that_ends_without_an_answer_is_tried_once_more() -> None:
    with scripted(answering(OK, b"")) as url:
        tally = visit(url, per_second=50)

    assert tally.failures == 0
    assert tally.reconnects > 0


def test_a_request_is_not_repeated_a_second_time() -> None:
    first = threading.Event()

    def script(connection: socket.socket) -> None:
        answers = (b"",) if first.is_set() else (OK, b"")
        first.set()
        answering(*answers)(connection)

    with scripted(script) as url:
        tally = visit(url, 5, per_second=20)

    assert tally.reconnects == 1
    assert set(tally.by_failure) == {Failure.RESET}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        OK[:-1],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(1 << 20),
    ],
)
def test_what_breaks_off_or_is_no_answer_is_a_failure(answer: bytes) -> None:
    with scripted(answering(answer)) as url:
        tally = visit(url, 3, per_second=20)

    assert tally.by_failure == {Failure.RESET: tally.requests}


@pytest.mark.parametrize("apart", [False, True])
def test_a_connection_that_speaks_without_being_asked_is_not_used_again(apart: bool) -> None:  # noqa: FBT001 - a parameter
    def script(connection: socket.socket) -> None:
        answering(OK if apart else OK + b"more")(connection)
        threading.Event().wait(0.01)
        connection.sendall(b"more" if apart else b"")
        connection.recv(4096)

    with scripted(script) as url:
        tally = visit(url, 3, per_second=5)

    assert (tally.failures, tally.reconnects) == (0, 0)


def test_a_conversation_that_was_closed_has_no_answer() -> None:
    async def converse(url: str) -> None:
        address = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, conversation = await loop.create_connection(Conversation, address.hostname, address.port)
        conversation.close()
        await conversation.ask(b"GET / HTTP/1.1\r\n\r\n")

    with website(200) as (url, _), pytest.raises(UnansweredError):
        asyncio.run(converse(url))


def test_a_service_that_is_not_there_is_a_failure_to_connect() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"

    tally = visit(url, 5)

    assert tally.by_failure == {Failure.CONNECT: tally.requests}


def test_a_release_is_counted_by_the_difference_of_two_tallies() -> None:
    before = Tally(100, {Failure.SERVER_ERROR: 3, Failure.RESET: 1}, reconnects=2, left_out=1)
    after = Tally(150, {Failure.SERVER_ERROR: 8, Failure.RESET: 1}, reconnects=2, left_out=4, behind_s=0.5)

    assert after.since(before) == Tally(50, {Failure.SERVER_ERROR: 5}, reconnects=0, left_out=3, behind_s=0.5)


def test_what_has_ended_can_be_ended_again() -> None:
    with website(200) as (url, _), UserTraffic(url, 100) as traffic:
        traffic.__exit__(None, None, None)

        assert not traffic._thread.is_alive()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://127.0.0.1/", "is not an http URL"),
        ("127.0.0.1:80", "is not an http URL"),
        ("http://127.0.0.1:seven/", "is no URL"),
    ],
)
def test_a_url_that_users_cannot_visit_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        UserTraffic(url, 1)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="requests a second"):
        UserTraffic("http://127.0.0.1:80/", rate)
