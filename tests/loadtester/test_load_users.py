from pathlib import Path
from typing import Any

import pytest
from load_commands import run, run_json, write_plan
from load_sites import OpenSite, Site

HEAD = """
from locust import FastHttpUser, HttpUser, LoadTestShape, constant, constant_throughput, events, task
from loadtester.engine.slim_user import SlimHttpUser
"""
CLIENTS = ["FastHttpUser", "HttpUser", "SlimHttpUser"]
NO_BODY = b"\r\nContent-Length: 0\r\n\r\n"


def plan_of(tmp_path: Path, target: Site, script: str, **more: Any) -> Path:
    (tmp_path / "users.py").write_text(HEAD + script)
    fields = {"users": 4, "duration": "600ms", "timeout": "600ms"} | more
    return write_plan(tmp_path, target=target.url, locustfile="users.py", **fields)


def visiting(user_class: str, body: str = "self.client.get('/ad/7')") -> str:
    head = f"class Visitor({user_class}):\n    wait_time = constant_throughput(10)\n"
    return f"{head}    @task\n    def ad(self):\n        {body}\n"


ALL_CLIENTS = "".join(
    f"class {client[:4]}Visitor({client}):\n    wait_time = constant_throughput(10)\n    @task\n"
    f"    def ad(self):\n        self.client.get('/ad/7', name='{client}')\n"
    for client in CLIENTS
)


def classes_of(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(error["name"], error["kind"]) for error in document["report"]["errors"]}


def test_any_locust_file_runs_and_its_requests_are_marked(site: OpenSite, tmp_path: Path) -> None:
    target = site()

    report = run_json(tmp_path, plan_of(tmp_path, target, ALL_CLIENTS, users=6))["report"]

    assert all(report["names"][client]["requests"] > 2 for client in CLIENTS)
    assert report["failures"] == 0
    assert all(b"x-penstock-synthetic: load" in request.lower() for request in target.requests)


@pytest.mark.parametrize(
    ("answer", "closes", "kind"),
    [
        (None, False, "timeout"),
        (b"HTTP/1.1 500 No" + NO_BODY, False, "status 500"),
        (b"", True, "closed"),
    ],
)
def test_what_fails_has_the_same_class_for_each_client(
    site: OpenSite,
    tmp_path: Path,
    answer: bytes | None,
    closes: bool,  # noqa: FBT001 - a row of the table
    kind: str,
) -> None:
    target = site(lambda _: answer, closes=closes)

    document = run_json(tmp_path, plan_of(tmp_path, target, ALL_CLIENTS, users=6), expect=99)

    assert classes_of(document) == {(client, kind) for client in CLIENTS}


def test_a_refusing_target_has_the_same_class_for_each_client(site: OpenSite, tmp_path: Path) -> None:
    target = site()
    plan = plan_of(tmp_path, target, ALL_CLIENTS, users=6)
    target.close()

    assert classes_of(run_json(tmp_path, plan, expect=99)) == {(client, "refused") for client in CLIENTS}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("class Visitor(SlimHttpUser:\n", "SyntaxError"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "SystemExit"),
        ("x = 1\n", "has no User class"),
        (visiting("SlimHttpUser", "raise KeyError('cart')"), "the script raised"),
        (
            "@events.request.add_listener\ndef on(**_):\n    1 / 0\n\n" + visiting("FastHttpUser"),
            "the script raised 1 time",
        ),
        (visiting("SlimHttpUser", "while True: pass"), "stalled"),
        (visiting("SlimHttpUser", "self.kept = bytearray(400_000_000); __import__('gevent').sleep(9)"), "memory"),
    ],
)
def test_a_script_at_fault_is_told_apart_from_a_bad_target(
    site: OpenSite, tmp_path: Path, script: str, words: str
) -> None:
    limits = {"silence": "2s", "memory_mb": 300}
    plan = plan_of(tmp_path, site(), script, users=1, duration="30s" if "pass" in script else "2s", limits=limits)

    assert words in run(plan, expect=107)


def test_a_locust_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target="http://127.0.0.1:1", locustfile="gone.py", duration="1s")

    assert "gone.py is not a file" in run(plan, expect=107)


def test_a_run_in_which_no_request_ends_is_inconclusive(site: OpenSite, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, site(), visiting("FastHttpUser", "__import__('gevent').sleep(0.1)"))

    assert "no request ended" in run(plan, expect=98)


def test_a_shape_of_the_file_says_how_many_users_there_are(site: OpenSite, tmp_path: Path) -> None:
    tick = "return (3, 3) if self.get_run_time() < 1.5 else None"
    shape = f"class Shape(LoadTestShape):\n    def tick(self):\n        {tick}\n"
    plan = plan_of(tmp_path, site(), visiting("SlimHttpUser") + shape, duration="20s")

    assert 20 <= run_json(tmp_path, plan)["report"]["requests"] <= 80


def test_stages_of_the_plan_shape_the_files_users(site: OpenSite, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, site(), visiting("SlimHttpUser"), duration=0, stages=[{"step": 2, "for": "2s"}])

    assert run_json(tmp_path, plan)["report"]["requests"] > 10


SLIM = """
import gzip

class Visitor(SlimHttpUser):
    max_redirects = 2
    wait_time = constant(0.2)

    @task
    def look(self):
        client = self.client
        answer = client.get("/json", params={"a": "b c"}, headers={"X": "y"}, auth=("me", "secret"), name="look")
        assert answer.ok and answer.json() == {"a": 1} and answer.headers["CONTENT-TYPE"] == "application/json"
        assert answer.text == '{"a": 1}' and "content-type" in answer.headers and answer.headers.get("nope") is None
        assert list(answer.iter_content(4)) == ['{"a"', ": 1}"] and answer.status_code == 200
        answer.raise_for_status()
        client.post("/form", data={"a": "b"})
        client.post("/doc", json={"a": 1})
        client.put("/raw", data=b"raw")
        client.patch("/raw", data="text")
        client.options("/raw")
        client.delete("/raw")
        assert client.head("/raw").content == b""
        assert client.get("/gzip").text == "packed"
        assert client.get("/hop").status_code == 200
        assert client.get("/hop", allow_redirects=False).status_code == 302
        assert client.cookies == {"c": "d"}
        assert "redirects" in str(client.get("/loop", name="loop").error)
        assert client.get("/missing", name="missing").status_code == 404
        with client.rename_request("renamed"):
            client.get("/anything")
        with client.get("/missing", name="forgiven", catch_response=True) as answer:
            answer.success()
        with client.get("/json", name="blamed", catch_response=True) as answer:
            answer.failure("not today")
        with client.get("/json", name="plain", catch_response=True) as answer:
            pass
        with self.rest("GET", "/json", name="rest") as answer:
            assert answer.js == {"a": 1}
        for wrong in (lambda: client.get("/json", nonsense=1), answer.__class__("/", None, b"", None).success):
            try:
                wrong()
            except Exception as error:
                assert type(error).__name__ in ("TypeError", "LocustError"), error
            else:
                raise AssertionError("accepted")
"""


def _shop(request: bytes) -> bytes:
    path = request.split()[1]
    if path.startswith(b"/json"):
        return b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    if path == b"/gzip":
        import gzip  # noqa: PLC0415 - only here

        body = gzip.compress(b"packed")
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    places = {b"/hop": b"/end", b"/loop": b"/loop"}
    if path in places:
        return b"HTTP/1.1 302 Found\r\nSet-Cookie: c=d\r\nLocation: " + places[path] + NO_BODY
    return (b"HTTP/1.1 404 No" if path == b"/missing" else b"HTTP/1.1 200 OK") + NO_BODY


@pytest.mark.parametrize("listener", ["", "@events.request.add_listener\ndef on(**_): pass\n"])
def test_a_slim_user_is_what_a_fast_user_is(site: OpenSite, tmp_path: Path, listener: str) -> None:
    target = site(_shop)
    plan = plan_of(tmp_path, target, listener + SLIM, users=1, thresholds=["http_reqs: count>10"])

    names = run_json(tmp_path, plan)["report"]["names"]

    failed = {name for name, item in names.items() if item["failures"]}
    assert failed == {"loop", "missing", "blamed"}
    assert {"renamed", "forgiven", "look", "rest"} <= names.keys()
    assert target.requests[0].startswith(b"GET /json?a=b+c HTTP/1.1")
    assert b"Authorization: Basic bWU6c2VjcmV0" in target.requests[0]


def test_users_do_not_march_in_step(site: OpenSite, tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, site(), visiting("SlimHttpUser").replace("(10)", "(1)"), users=40, duration="1s", timeout="1s"
    )

    report = run_json(tmp_path, plan)["report"]

    assert 15 <= report["requests"] <= 79
    assert report["lag"]["cells"]
