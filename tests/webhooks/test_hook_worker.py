"""The worker between gunicorn and the app: callers that leave, and callers that ask again."""

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.webhooks.served import Served, serving
from webhooks.live import is_left


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("worker") / "data") as made:
        yield made


def test_a_connection_may_be_used_again_and_left(served: Served) -> None:
    answers = []
    for _ in range(2):
        connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=10)
        for _ in range(3):
            connection.request("GET", "/healthz")
            answers.append(connection.getresponse().read())
        connection.close()

    assert (answers, served.post("/healthz")) == ([b"OK"] * 6, (200, "OK"))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_caller_that_closed_has_left(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    before = is_left(ours)
    theirs.close()

    assert (before, is_left(ours)) == (False, True)


def test_a_caller_that_asks_has_not_left(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(b"GET")

    assert is_left(ours) is False
    assert ours.recv(3) == b"GET"


def test_a_connection_that_is_brokenis_left(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    ours.close()

    assert is_left(ours) is True
