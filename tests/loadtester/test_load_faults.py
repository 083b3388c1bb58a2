import gzip
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from load_commands import run, run_json, write_plan
from load_sites import OpenSite, Site

SOME = ("--rate", 20, "--duration", "500ms", "--timeout", "1s")
NO_BODY = b"\r\nContent-Length: 0\r\n\r\n"


def errors_of(document: dict[str, Any]) -> dict[str, int]:
    return {error["kind"]: error["count"] for error in document["report"]["errors"]}


FAULTS = {
    "closed": b"",
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "truncated chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
    "garbage": b"\x16\x03\x01\x02\x00",
    "status 503": b"HTTP/1.1 503 Busy" + NO_BODY,
}


def test_each_way_to_fail_has_its_class(site: OpenSite, tmp_path: Path) -> None:
    paths = {f"/{number}": kind for number, kind in enumerate(FAULTS)}
    target = site(lambda request: FAULTS[paths[request.split()[1].decode()]], closes=True)
    requests = [{"path": path, "name": kind} for path, kind in paths.items()]
    plan = write_plan(tmp_path, target=target.url, rate=100, duration="500ms", requests=requests)

    report = run_json(tmp_path, plan, expect=99)["report"]

    assert {(error["name"], error["kind"]) for error in report["errors"]} == {
        (kind, kind.removesuffix(" chunk")) for kind in FAULTS
    }
    assert report["requests"] == report["failures"] == 50


def test_an_answer_that_stops_half_way_times_out(site: OpenSite, tmp_path: Path) -> None:
    target = site(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow")

    assert errors_of(run_json(tmp_path, "--target", target.url, *SOME, expect=99)) == {"timeout": 10}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_target_that_closes_each_connection_passes(site: OpenSite, tmp_path: Path, answer: bytes) -> None:
    document = run_json(tmp_path, "--target", site(answer, closes=True).url, *SOME)

    assert document["report"]["requests"] == 10


def test_an_idle_connection_that_the_target_closed_is_no_failure(site: OpenSite, tmp_path: Path) -> None:
    target = site(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", closes=True)

    assert run_json(tmp_path, "--target", target.url, *SOME)["report"]["failures"] == 0


def test_a_name_that_does_not_resolve_is_a_class_of_its_own(tmp_path: Path) -> None:
    document = run_json(tmp_path, "--target", "http://nowhere.invalid", *SOME, expect=99)

    assert errors_of(document) == {"name not resolved": 10}


def test_a_body_of_ten_megabytes_is_read(site: OpenSite, tmp_path: Path) -> None:
    size = 10 * 1024 * 1024
    target = site(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    request = {"path": "/", "expect": {"body": "xxx"}}
    plan = write_plan(tmp_path, target=target.url, rate=4, duration="1s", timeout="8s", requests=[request])

    report = run_json(tmp_path, plan)["report"]

    assert report["names"]["/"]["received_bytes"] > 4 * size


def _redirects(request: bytes) -> bytes:
    path = request.split()[1].decode()
    places = {"/loop": "/loop", "/hop": "/end?x=1", "/away": "http://elsewhere.invalid/"}
    if path not in places:
        return b"HTTP/1.1 200 OK" + NO_BODY
    return f"HTTP/1.1 302 Found\r\nLocation: {places[path]}\r\nContent-Length: 0\r\n\r\n".encode()


def test_redirects_are_followed_on_demand_and_on_the_target_only(site: OpenSite, tmp_path: Path) -> None:
    target = site(_redirects)
    requests = [{"path": path} for path in ("/hop", "/loop", "/away")]
    plan = write_plan(tmp_path, target=target.url, rate=60, duration="500ms", redirects=3, requests=requests)

    document = run_json(tmp_path, plan, expect=99)

    assert set(errors_of(document)) == {"redirect loop", "redirect elsewhere"}
    assert document["report"]["names"]["/hop"]["failures"] == 0
    assert any(request.startswith(b"GET /end?x=1 ") for request in target.requests)


def _shop(request: bytes) -> bytes:
    if b" /login " in request:
        body = b'{"user": {"token": "t-1"}}'
        head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nX-Id: 7\r\nContent-Length: %d\r\n\r\n" % len(body)
        return head + body
    known = b" /buy/t-1/7/user " in request and b"Cookie: a=b" in request
    return b"HTTP/1.1 %d X" % (200 if known else 403) + NO_BODY


def test_captured_values_and_cookies_reach_later_requests(site: OpenSite, tmp_path: Path) -> None:
    captures = {"token": {"json": "user.token"}, "id": {"header": "X-Id"}, "who": {"body": '"(user)"'}}
    requests = [{"path": "/login", "capture": captures}, {"path": "/buy/${token}/${id}/${who}", "name": "buy"}]
    plan = write_plan(tmp_path, target=site(_shop).url, users=2, duration="500ms", cookies=True, requests=requests)

    report = run_json(tmp_path, plan)["report"]

    assert report["names"]["buy"]["requests"] > 5
    assert report["failures"] == 0


def test_a_value_that_is_not_there_is_a_failure(site: OpenSite, tmp_path: Path) -> None:
    request = {"capture": {"x": {"json": "a.b"}}}
    plan = write_plan(tmp_path, target=site().url, rate=10, duration="500ms", requests=[request])

    assert errors_of(run_json(tmp_path, plan, expect=99)) == {"capture": 5}


EXPECTED = [
    ({"status": 201}, "status 200"),
    ({"body": "no"}, "body"),
    ({"matches": "^no"}, "body"),
]


def test_an_answer_must_be_what_is_expected(site: OpenSite, tmp_path: Path) -> None:
    requests = [{"name": str(number), "expect": expect} for number, (expect, _) in enumerate(EXPECTED)]
    plan = write_plan(tmp_path, target=site().url, rate=60, duration="500ms", requests=requests)

    report = run_json(tmp_path, plan, expect=99)["report"]

    assert {(error["name"], error["kind"]) for error in report["errors"]} == {
        (str(number), kind) for number, (_, kind) in enumerate(EXPECTED)
    }


def test_gzip_is_asked_for_on_demand_and_undone(site: OpenSite, tmp_path: Path) -> None:
    packed = gzip.compress(b"fine")
    target = site(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    expect = {"expect": {"body": "fine"}, "method": "POST", "body": "q"}
    plan = write_plan(tmp_path, target=target.url, rate=10, duration="500ms", compression=True, requests=[expect])

    assert run_json(tmp_path, plan)["report"]["failures"] == 0
    assert b"Accept-Encoding: gzip" in target.requests[0]


def test_weights_are_kept_exactly(site: OpenSite, tmp_path: Path) -> None:
    requests = [{"path": "/a", "weight": 3}, {"path": "/b", "method": "HEAD"}]
    site_answer = b"HTTP/1.1 200 OK" + NO_BODY
    plan = write_plan(tmp_path, target=site(site_answer).url, rate=2048, duration="1s", requests=requests)

    names = run_json(tmp_path, plan)["report"]["names"]

    assert (names["/a"]["requests"], names["/b"]["requests"]) == (1536, 512)


def test_arrivals_past_the_last_connection_wait_and_then_drop(site: OpenSite, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target=site(lambda _: None).url, rate=20, duration="3s", timeout="1s", connections=2)

    report = run_json(tmp_path, plan, expect=99)["report"]

    assert report["dropped"] > 40
    assert report["requests"] + report["dropped"] == report["scheduled"] == 60


def test_stages_shape_users_and_arrivals(site: OpenSite, tmp_path: Path) -> None:
    target = site()
    ramp = write_plan(tmp_path, target=target.url, stages=[{"ramp": 40, "for": "1s"}, {"hold": "500ms"}])
    assert run_json(tmp_path, ramp)["report"]["scheduled"] == 40

    users = write_plan(tmp_path, target=target.url, mode="closed", stages=[{"step": 3, "for": "2s"}],
                       requests=[{"think": "50ms"}])  # fmt: skip
    assert 20 < run_json(tmp_path, users)["report"]["requests"] < 200


def test_a_slow_stop_loses_nobody_in_flight(site: OpenSite, tmp_path: Path) -> None:
    slow = threading.Event()

    def late(_: bytes) -> bytes:
        slow.wait(0.7)
        return b"HTTP/1.1 200 OK" + NO_BODY

    report = run_json(tmp_path, "--target", site(late).url, "--rate", 20, "--duration", "500ms")["report"]

    assert (report["requests"], report["failures"], report["interrupted"]) == (10, 0, 0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:::1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def tls_site(certificate: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    def open_site(answer: bytes, host: str = "127.0.0.1") -> Site:
        sites.append(Site(lambda _: answer, host=host, context=context))
        return sites[-1]

    yield open_site
    for item in sites:
        item.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tls_is_verified_over_ipv4_and_ipv6(
    tls_site: Callable[..., Site], certificate: Path, tmp_path: Path, host: str
) -> None:
    body = b"x" * 100_000
    target = tls_site(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body, host)
    url = target.url.replace("127.0.0.1", "localhost")
    plan = write_plan(tmp_path, target=url, rate=20, duration="500ms", tls={"ca_file": str(certificate)})

    report = run_json(tmp_path, plan)["report"]

    assert (report["requests"], report["failures"]) == (10, 0)


def test_a_certificate_that_nobody_vouches_for_is_a_failure(tls_site: Callable[..., Site], tmp_path: Path) -> None:
    target = tls_site(b"HTTP/1.1 200 OK" + NO_BODY)

    assert errors_of(run_json(tmp_path, "--target", target.url, *SOME, expect=99)) == {"certificate": 10}


def test_verification_can_be_left_out(tls_site: Callable[..., Site], tmp_path: Path) -> None:
    target = tls_site(b"HTTP/1.1 200 OK" + NO_BODY)
    plan = write_plan(tmp_path, target=target.url, rate=20, duration="500ms", tls={"verify": False})

    assert run_json(tmp_path, plan)["report"]["failures"] == 0


def test_tls_spoken_to_a_plain_target_is_a_failure(site: OpenSite, tmp_path: Path) -> None:
    url = site(b"HTTP/1.1 400 Bad" + NO_BODY).url.replace("http:", "https:")
    plan = write_plan(tmp_path, target=url, rate=10, duration="500ms", timeout="1s")

    assert set(errors_of(run_json(tmp_path, plan, expect=99))) <= {"tls", "timeout", "closed", "reset"}


def test_a_ca_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target="https://localhost:1", duration="1s", tls={"ca_file": "gone.pem"})

    assert "tls.ca_file: gone.pem" in run(plan, expect=104)


def test_a_hey_line_is_run(site: OpenSite) -> None:
    assert "passed" in run("--line", f"hey -z 500ms -q 10 -c 2 {site().url}/ad")


def test_a_poisson_plan_is_run(site: OpenSite, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target=site().url, rate=100, duration="1s", spacing="poisson")

    assert 50 < run_json(tmp_path, plan)["report"]["requests"] < 160


def test_a_threshold_can_end_a_run_early(site: OpenSite, tmp_path: Path) -> None:
    threshold = "http_req_failed: rate<0.1 window=2s abortOnFail delayAbortEval=1s"
    target = site(b"HTTP/1.1 500 No" + NO_BODY)

    document = run_json(
        tmp_path, "--target", target.url, "--duration", "60s", "--threshold", threshold, "--tick", "0.2", expect=99
    )

    assert document["verdict"]["reasons"][0].startswith("aborted: http_req_failed rate = 1")
    assert json.dumps(document["timeline"])


SLIM = """
from locust import constant, task
from loadtester.engine.slim_user import SlimHttpUser

class Visitor(SlimHttpUser):
    wait_time = constant(0.05)
    @task
    def ad(self):
        self.client.post("/ad", data="x" * 3_000_000)
"""


def slim_plan(tmp_path: Path, target: Site) -> Path:
    (tmp_path / "users.py").write_text(SLIM)
    return write_plan(tmp_path, target=target.url, locustfile="users.py", users=1, duration="700ms", timeout="5s")


def test_a_slim_user_speaks_tls_and_sends_large_bodies(tls_site: Callable[..., Site], tmp_path: Path) -> None:
    report = run_json(tmp_path, slim_plan(tmp_path, tls_site(b"HTTP/1.1 200 OK" + NO_BODY)))["report"]

    assert report["names"]["/ad"]["requests"] > 0
    assert report["failures"] == 0


def test_a_slim_user_opens_another_connection_when_an_idle_one_was_closed(site: OpenSite, tmp_path: Path) -> None:
    plan = slim_plan(tmp_path, site(b"HTTP/1.1 200 OK" + NO_BODY, closes=True))

    report = run_json(tmp_path, plan)["report"]

    assert report["names"]["/ad"]["requests"] > 1
    assert report["failures"] == 0


def test_localhost_is_found_on_whichever_address_listens(site: OpenSite, tmp_path: Path) -> None:
    url = site().url.replace("127.0.0.1", "localhost")

    assert run_json(tmp_path, "--target", url, *SOME)["report"]["failures"] == 0
