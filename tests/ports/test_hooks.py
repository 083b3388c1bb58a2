"""What every HookCaller answers, and the rules of Flagger's client that only HTTP can break (fact: outcome table)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hook_server import CERTIFICATE, Told, free_port, serving

from webhooks.protocol import HookPayload, HookType
from workflows.clocks import MemoryClock
from workflows.hooks.http import HttpHookCaller
from workflows.hooks.memory import MemoryHookCaller
from workflows.ports import HookAnswer, HookCaller
from workflows.rollout.plan import Hook

PAYLOAD = HookPayload("ad", "weather", "Progressing", "758df7c9fc", {"test": "ad-suite"})
START = datetime(2026, 1, 1, tzinfo=UTC)


def hook(url: str = "http://hooks.test/x", *, retries: int = 0, seconds: float = 5.0, verify_tls: bool = True) -> Hook:
    return Hook("tests", url, HookType.PRE_ROLLOUT, timedelta(seconds=seconds), retries, verify_tls)


class Patience:
    """Count the seconds that a caller waited between its attempts."""

    def __init__(self) -> None:
        self.clock = MemoryClock(START)

    @property
    def waited_s(self) -> float:
        return (self.clock.now() - START).total_seconds()


OUTCOMES = [
    # status, passes, attempts with retries 2, the reason shows the body
    (200, True, 1, True),
    (201, True, 1, True),
    (202, True, 1, True),
    (203, False, 1, True),
    (204, False, 1, False),
    (205, False, 1, True),
    (206, False, 1, True),
    (304, False, 1, False),
    (400, False, 1, True),
    (403, False, 1, True),
    (422, False, 1, True),
    (429, False, 3, False),
    (500, False, 3, False),
    (501, False, 1, True),
    (503, False, 3, False),
    (599, False, 3, False),
]


@pytest.mark.parametrize(("status", "passes", "attempts", "shown"), OUTCOMES)
def test_a_status_is_read_as_flagger_reads_it(status: int, passes: bool, attempts: int, shown: bool) -> None:  # noqa: FBT001
    with serving(Told(status, "why: 7 of 9")) as server:
        answer = HttpHookCaller(clock=MemoryClock()).call(hook(f"http://127.0.0.1:{server.port}/", retries=2), PAYLOAD)

    assert (answer.passed, answer.attempts, len(server.seen)) == (passes, attempts, attempts)
    assert ("why: 7 of 9" in answer.reason) == (shown and status not in {204, 304})


def both_callers_told(*answers: HookAnswer) -> MemoryHookCaller:
    return MemoryHookCaller({HookType.PRE_ROLLOUT: answers})


@pytest.mark.parametrize("kind", ["http", "memory"])
@pytest.mark.parametrize(("status", "passed"), [(200, True), (403, False)])
def test_every_caller_gives_verdict_and_words(kind: str, status: int, passed: bool) -> None:  # noqa: FBT001
    with serving(Told(status, "because")) as server:
        callers: dict[str, HookCaller] = {
            "http": HttpHookCaller(),
            "memory": both_callers_told(HookAnswer(passed=passed, reason="because")),
        }
        answer = callers[kind].call(hook(f"http://127.0.0.1:{server.port}/"), PAYLOAD)

    assert answer == HookAnswer(passed=passed, reason="because", attempts=1)


def test_the_body_is_exactly_flaggers() -> None:
    with serving(Told()) as server:
        HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/hooks/pre-rollout?a=1"), PAYLOAD)

    seen = server.seen[0]
    assert seen.document == {
        "name": "ad",
        "namespace": "weather",
        "phase": "Progressing",
        "checksum": "758df7c9fc",
        "metadata": {"test": "ad-suite"},
    }
    assert (seen.method, seen.path) == ("POST", "/hooks/pre-rollout?a=1")
    assert seen.headers["Content-Type"] == "application/json"


def test_a_failure_then_a_pass_is_a_pass_after_a_second() -> None:
    patience = Patience()
    with serving(Told(500), Told(202)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        answer = HttpHookCaller(clock=patience.clock).call(hook(url, retries=1), PAYLOAD)

    assert (answer.passed, answer.attempts, patience.waited_s) == (True, 2, 1.0)


@pytest.mark.parametrize(("retries", "waited_s"), [(0, 0), (2, 3), (5, 31), (6, 61), (7, 91)])
def test_the_pause_doubles_up_to_half_a_minute(retries: int, waited_s: float) -> None:
    patience = Patience()
    with serving(Told(500)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        HttpHookCaller(clock=patience.clock).call(hook(url, retries=retries), PAYLOAD)

    assert patience.waited_s == waited_s


RETRY_AFTER = [
    (503, "7", 7),
    (429, "7", 7),
    (500, "7", 1),
    (503, "0", 0),
    (503, "-3", 0),
    (503, "86400", 300),
    (503, "soon", 1),
    (503, "inf", 1),
    (503, format_datetime(START + timedelta(seconds=20), usegmt=True), 20),
]


@pytest.mark.parametrize(("status", "value", "waited_s"), RETRY_AFTER)
def test_a_busy_service_says_when_to_come_back(status: int, value: str, waited_s: float) -> None:
    patience = Patience()
    with serving(Told(status, headers={"Retry-After": value}), Told(200)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        HttpHookCaller(clock=patience.clock).call(hook(url, retries=1), PAYLOAD)

    assert patience.waited_s == waited_s


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirect_is_followed_and_its_end_decides(status: int, method: str) -> None:
    pages = {"/end": Told(403, "the end says no")}
    with serving(Told(status, headers={"Location": "/end"}), pages=pages) as server:
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/"), PAYLOAD)

    assert (answer.passed, answer.reason) == (False, "the end says no")
    assert (server.seen[1].method, bool(server.seen[1].body)) == (method, method == "POST")


@pytest.mark.parametrize("place", ["/", "ftp://elsewhere/", "http://["])
def test_a_redirect_that_leads_nowhere_is_not_tried_again(place: str) -> None:
    with serving(Told(302, headers={"Location": place})) as server:
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/", retries=3), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 1)
    assert len(server.seen) == (11 if place == "/" else 1)


def test_a_redirect_without_a_place_is_an_answer() -> None:
    with serving(Told(302, "nowhere")) as server:
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/"), PAYLOAD)

    assert (answer.passed, answer.reason) == (False, "nowhere")


def test_nobody_there_is_a_no_after_all_attempts() -> None:
    port = free_port()

    answer = HttpHookCaller(clock=MemoryClock()).call(hook(f"http://127.0.0.1:{port}/", retries=1), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 2)
    assert answer.reason.startswith(f"POST http://127.0.0.1:{port}/ giving up after 2 attempt(s): ")


def test_a_connection_that_is_hung_up_is_tried_again() -> None:
    with serving(Told(raw=b""), Told(200)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        answer = HttpHookCaller(clock=MemoryClock()).call(hook(url, retries=1), PAYLOAD)

    assert (answer.passed, answer.attempts) == (True, 2)


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
)
def test_an_answer_that_breaks_off_is_none(raw: bytes) -> None:
    with serving(Told(raw=raw)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        answer = HttpHookCaller(clock=MemoryClock()).call(hook(url, retries=1), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 2)
    assert "closed" in answer.reason


def test_a_size_that_is_none_is_an_answer_that_is_none() -> None:
    with serving(Told(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n")) as server:
        url = f"http://127.0.0.1:{server.port}/"
        answer = HttpHookCaller(clock=MemoryClock()).call(hook(url, retries=1), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 2)
    assert "an answer that is no HTTP" in answer.reason


def test_an_answer_that_drips_in_for_ever_ends_at_the_time_out() -> None:
    with serving(Told(drip=True)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        answer = HttpHookCaller(clock=MemoryClock()).call(hook(url, retries=1, seconds=0.3), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 2)
    assert "no whole answer within 0.3 s" in answer.reason


def test_a_server_that_accepts_and_never_answers_ends_at_the_time_out() -> None:
    with serving(Told()) as server:
        server.shutdown()
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/", seconds=0.2), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 1)


def test_a_certificate_nobody_vouches_for_is_a_no_and_not_tried_again() -> None:
    with serving(Told(), tls=CERTIFICATE) as server:
        answer = HttpHookCaller().call(hook(f"https://localhost:{server.port}/", retries=3), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 1)
    assert "certificate" in answer.reason


def test_disable_tls_accepts_any_certificate() -> None:
    with serving(Told(), tls=CERTIFICATE) as server:
        answer = HttpHookCaller().call(hook(f"https://localhost:{server.port}/", verify_tls=False), PAYLOAD)

    assert answer.passed


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "http://[::1", "http://a:99999/", "http://" + "a" * 70 + ".x/"])
def test_an_address_that_is_none_is_not_tried_again(url: str) -> None:
    answer = HttpHookCaller().call(hook(url, retries=3), PAYLOAD)

    assert (answer.passed, answer.attempts) == (False, 1)


def test_a_name_is_reached_at_the_address_it_is_resolved_to() -> None:
    with serving(Told()) as server:
        caller = HttpHookCaller({"penstock.weather:80": f"127.0.0.1:{server.port}"})
        answer = caller.call(hook("http://penstock.weather/hooks/rollout"), PAYLOAD)

    assert (answer.passed, server.seen[0].headers["Host"]) == (True, "penstock.weather")


def test_credentials_in_the_url_are_sent() -> None:
    with serving(Told()) as server:
        HttpHookCaller().call(hook(f"http://me:s%40cret@127.0.0.1:{server.port}/"), PAYLOAD)

    assert server.seen[0].headers["Authorization"] == "Basic bWU6c0BjcmV0"
    assert server.seen[0].headers["Host"] == f"127.0.0.1:{server.port}"


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serving(Told()) as server:
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/"), PAYLOAD)

    assert answer.passed


def test_a_long_answer_becomes_one_short_line() -> None:
    with serving(Told(422, "line\n" * 500_000)) as server:
        answer = HttpHookCaller().call(hook(f"http://127.0.0.1:{server.port}/"), PAYLOAD)

    assert len(answer.reason.encode()) == 512
    assert "\n" not in answer.reason


def test_the_memory_caller_goes_through_its_script_and_stays_at_the_end() -> None:
    no, yes = HookAnswer(passed=False, reason="no"), HookAnswer(passed=True, reason="yes")
    caller = MemoryHookCaller({"tests": [no, yes]})

    answers = [caller.call(hook(), PAYLOAD).passed for _ in range(3)]

    assert answers == [False, True, True]
    assert [call.payload for call in caller.calls] == [PAYLOAD] * 3


def test_the_memory_caller_without_a_script_lets_a_release_go_on() -> None:
    caller = MemoryHookCaller()

    verdicts = {kind: caller.call(Hook(kind.value, "http://x/", kind), PAYLOAD).passed for kind in HookType}

    assert verdicts == {kind: kind is not HookType.ROLLBACK for kind in HookType}
