"""How each kind of test is prepared, run and read."""

import io
import json
import socket
import ssl
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.webhooks.bench import AdService, load_report
from webhooks import checks
from webhooks.catalog import CatalogTest, Expectation, HttpSpec, read_catalog
from webhooks.checks import http
from webhooks.checks.http import Answer, judge
from webhooks.checks.job import Ended, Outcome, Target, clean_environ, join_reasons
from webhooks.checks.json_path import MissingError, find
from webhooks.checks.load import read_tick

CERTIFICATE = Path(__file__).parents[1] / "loopback.pem"
NO_VALUES: Mapping[str, str] = {}


def make_test(fields: str, folder: Path = Path()) -> CatalogTest:
    return read_catalog(f"tests: {{t: {{{fields}}}}}", folder).tests["t"]


def run_http(requests: str, ad: AdService, values: Mapping[str, str] = NO_VALUES) -> tuple[Outcome, str]:
    spec = make_test(f"kind: http, requests: {requests}").spec
    assert isinstance(spec, HttpSpec)
    result = http.check(spec, Target("http://ad-canary.weather:3003", ad.address), values, 5)
    return result.outcome, result.reason


def test_answers_as_expected_pass(ad: AdService) -> None:
    outcome, reason = run_http("[{path: /ad, expect: {json: {version: v2}, has: [ad, 'items[0].id']}}]", ad)

    assert (outcome, reason[:24]) == (Outcome.PASSED, "1 request(s) as expected")
    assert ad.hosts == ["ad-canary.weather:3003"]


def test_a_captured_value_is_used_by_the_next_request(ad: AdService) -> None:
    steps = "[{path: /ad, capture: {id: 'items[0].id'}}, {path: '/ad/${id}', expect: {json: {path: /ad/7}}}]"

    assert run_http(steps, ad)[0] is Outcome.PASSED


def test_parameters_are_encoded_in_paths_and_plain_in_bodies(ad: AdService) -> None:
    expect = "{status: 201, json: {path: /a%2Fb, echo: 'hi a/b ${else}'}}"
    step = f"{{method: POST, path: '/${{who}}', body: 'hi ${{who}} ${{else}}', expect: {expect}}}"

    assert run_http(f"[{step}]", ad, {"who": "a/b"})[0] is Outcome.PASSED


def test_a_wrong_status_is_told_with_the_body(ad: AdService) -> None:
    ad.broken = True

    outcome, reason = run_http("[{name: ad, path: /ad}]", ad)

    assert (outcome, reason[:34]) == (Outcome.FAILED, "ad: status 500, expected 200; body")


def test_a_capture_that_finds_nothing_fails(ad: AdService) -> None:
    outcome, reason = run_http("[{path: /ad, capture: {id: order.id}}]", ad)

    assert (outcome, reason) == (Outcome.FAILED, "GET /ad: nothing to capture: JSON has no order.id")


def test_nobody_there_fails(ad: AdService) -> None:
    ad.server_close()

    outcome, reason = run_http("[{path: /ad}]", ad)

    assert (outcome, "no answer from ad-canary.weather:3003" in reason) == (Outcome.FAILED, True)


def test_an_answer_that_comes_too_late_fails(ad: AdService) -> None:
    ad.slow_s = 5
    test = make_test("kind: http, requests: [{path: /ad}]")
    assert isinstance(test.spec, HttpSpec)

    result = http.check(test.spec, Target("http://ad.weather", ad.address), {}, 0.2)

    assert (result.outcome, "timed out" in result.reason) == (Outcome.FAILED, True)


def test_an_answer_that_is_not_tls_fails(ad: AdService) -> None:
    test = make_test("kind: http, requests: [{path: /ad}]")
    assert isinstance(test.spec, HttpSpec)

    result = http.check(test.spec, Target("https://ad.weather", ad.address), {}, 5)

    assert result.outcome is Outcome.FAILED


@pytest.fixture
def ad_over_tls(ad: AdService) -> AdService:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    ad.socket = context.wrap_socket(ad.socket, server_side=True)
    return ad


@pytest.mark.parametrize(("host", "outcome"), [("ad-canary.weather", Outcome.PASSED), ("shop.weather", Outcome.FAILED)])
def test_the_certificate_must_be_that_of_the_target_not_of_the_address(
    ad_over_tls: AdService, monkeypatch: pytest.MonkeyPatch, host: str, outcome: Outcome
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    test = make_test("kind: http, requests: [{path: /ad}]")
    assert isinstance(test.spec, HttpSpec)

    result = http.check(test.spec, Target(f"https://{host}", ad_over_tls.address), {}, 5)

    assert result.outcome is outcome


ANSWER = Answer(200, {"X-Kind": "ad"}, '{"version": "v1", "items": [{"n": 1}]}', 0.2)
JUDGED = [
    (Expectation(), ""),
    (Expectation(("2xx",)), ""),
    (Expectation(("201", "3xx")), "status 200, expected 201 or 3xx"),
    (Expectation(max_latency_s=0.1), "took 200 ms, at most 100 ms allowed"),
    (Expectation(contains=("v1",)), ""),
    (Expectation(contains=("v1", "v9")), "body has no 'v9'"),
    (Expectation(headers={"x-kind": "ad"}), ""),
    (Expectation(headers={"X-Kind": "b"}), "header X-Kind is 'ad', expected 'b'"),
    (Expectation(headers={"X-Other": "b"}), "header X-Other is None, expected 'b'"),
    (Expectation(json={"version": "v1", "items[0].n": 1}), ""),
    (Expectation(json={"version": "v2"}), 'JSON version is \'"v1"\', expected "v2"'),
    (Expectation(has=("gone",)), "JSON has no gone"),
]


@pytest.mark.parametrize(("expect", "fault"), JUDGED)
def test_an_answer_is_judged_by_what_is_expected(expect: Expectation, fault: str) -> None:
    told = judge(expect, ANSWER)

    assert told.startswith(fault)
    assert bool(told) == bool(fault)


def test_a_body_that_is_no_json_is_told() -> None:
    assert judge(Expectation(has=("a",)), Answer(200, {}, "<html>", 0)) == "body is not JSON: '<html>'"


PATHS = [
    ("a.b", 1),
    ("$.a.b", 1),
    ("list[1]", 3),
    ("list[1].", None),
    ("list[2]", None),
    ("a.c", None),
    ("list.a", None),
]


@pytest.mark.parametrize(("path", "value"), PATHS)
def test_a_path_leads_to_a_value_or_is_missing(path: str, value: object) -> None:
    try:
        found: object = find({"a": {"b": 1}, "list": [2, 3]}, path)
    except MissingError:
        found = None

    assert found == value


def test_the_child_of_an_http_test_reads_its_job_and_prints_its_result(
    ad: AdService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test = make_test("kind: http, requests: [{path: '/${who}'}]")
    job = checks.prepare(test, Target("http://ad.weather", ad.address), {"who": "ann"})
    monkeypatch.setattr(sys, "stdin", io.StringIO(job.stdin))

    assert http.main() == 0
    result = checks.read(test, Ended(0, capsys.readouterr().out, "", Path()))
    assert result.outcome is Outcome.PASSED


@pytest.mark.parametrize("stdout", ["", "nonsense\n", '{"outcome": "great", "reason": ""}\n', "[]\n"])
def test_a_child_without_a_result_is_inconclusive(stdout: str) -> None:
    test = make_test("kind: http, requests: [{}]")

    result = checks.read(test, Ended(-9, stdout, "Traceback\nMemoryError\n", Path()))

    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason == "the check gave no result (ended by signal 9: MemoryError)"


JUNIT = [
    ("<testcase name='a'/><testcase name='b'/>", 0, Outcome.PASSED, "2 tests passed"),
    ("<testcase name='a'/><testcase name='b'><skipped/></testcase>", 0, Outcome.PASSED, "1 tests passed, 1 skipped"),
    (
        "<testcase name='a'/><testcase name='b'><failure message='7 != 9\n in b'/></testcase>",
        1,
        Outcome.FAILED,
        "1 of 2 failed: b: 7 != 9 in b",
    ),
    ("<testcase name='b'><error/></testcase>", 1, Outcome.FAILED, "1 of 1 failed: b"),
    ("", 5, Outcome.FAILED, "no test ran (0 found, 0 skipped)"),
    ("<testcase name='b'><skipped/></testcase>", 0, Outcome.FAILED, "no test ran (1 found, 1 skipped)"),
    ("<testcase name='a'/>", 3, Outcome.INCONCLUSIVE, "pytest: exit status 3: boom; last line"),
]


@pytest.mark.parametrize(("cases", "status", "outcome", "reason"), JUNIT)
def test_a_suite_is_read_from_its_junit_file(
    tmp_path: Path, cases: str, status: int, outcome: Outcome, reason: str
) -> None:
    (tmp_path / "junit.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")

    result = checks.read(make_test("kind: pytest, path: .", tmp_path), Ended(status, "last line", "boom", tmp_path))

    assert (result.outcome, result.reason) == (outcome, reason)


@pytest.mark.parametrize("content", [None, "not xml", "<a>" + " " * 17_000_000])
def test_a_suite_without_a_readable_junit_file_is_inconclusive(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "junit.xml").write_text(content)

    result = checks.read(make_test("kind: pytest, path: .", tmp_path), Ended(4, "usage error", "", tmp_path))

    assert (result.outcome, "usage error" in result.reason) == (Outcome.INCONCLUSIVE, True)


def test_a_suite_finds_its_target_and_parameters(tmp_path: Path) -> None:
    test = make_test("kind: pytest, path: ., keyword: fast, plugins: [xdist]", tmp_path)

    job = checks.prepare(test, Target("http://ad-canary.weather:3003", "127.0.0.1:7"), {"who": "ann"})

    assert job.environ["PENSTOCK_TARGET"] == "http://127.0.0.1:7"
    assert job.environ["PENSTOCK_TARGET_HOST"] == "ad-canary.weather:3003"
    assert job.environ["PENSTOCK_PARAM_WHO"] == "ann"
    assert [job.argv[job.argv.index(flag) + 1] for flag in ("-k", "-c")] == ["fast", "pytest.ini"]


def test_a_suite_with_settings_of_its_own_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    job = checks.prepare(make_test("kind: pytest, path: .", tmp_path), Target("http://ad.weather"), {})

    assert job.argv[job.argv.index("-c") + 1] == str(tmp_path / "pytest.ini")


def test_a_load_gets_its_plan_with_target_thresholds_and_parameters() -> None:
    fields = "kind: load, plan: {rate: 5, requests: [{path: '/${who}'}]}, thresholds: ['http_reqs: count>0']"

    job = checks.prepare(make_test(fields), Target("http://ad-canary.weather:80", "127.0.0.1:7"), {"who": 'a"b'})

    assert json.loads(job.files["plan.json"]) == {
        "rate": 5,
        "requests": [{"path": '/a"b'}],
        "target": "http://127.0.0.1:7",
        "thresholds": ["http_reqs: count>0"],
    }


def test_a_load_is_judged_by_its_last_report() -> None:
    lines = [json.dumps({"kind": kind, "report": json.loads(load_report(20, 0))}) for kind in ("tick", "end")]
    test = make_test("kind: load, plan: {}, thresholds: ['http_req_failed: rate<0.1']")

    result = checks.read(test, Ended(0, "\n".join(["noise", *lines, "more noise"]), "", Path()))

    assert (result.outcome, result.reason[:21]) == (Outcome.PASSED, "http_req_failed rate ")


def test_a_load_without_a_report_is_inconclusive() -> None:
    result = checks.read(make_test("kind: load, plan: {}"), Ended(104, "", "plan: no requests", Path()))

    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason == "the load gave no report (exit status 104: plan: no requests)"


@pytest.mark.parametrize("line", ["", "text", "[]", "{}", '{"kind": "other", "report": {}}', '{"kind": "tick"}'])
def test_a_line_without_a_report_is_passed_over(line: str) -> None:
    assert read_tick(line) == ""


def test_an_answer_that_breaks_off_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as server:
        server.submit(answer_once, listener, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
        target = Target("http://ad.weather", f"127.0.0.1:{listener.getsockname()[1]}")
        spec = make_test("kind: http, requests: [{path: /ad}]").spec
        assert isinstance(spec, HttpSpec)
        result = http.check(spec, target, {}, 5)

    assert (result.outcome, "4 bytes of the body missing" in result.reason) == (Outcome.FAILED, True)


def answer_once(listener: socket.socket, raw: bytes) -> None:
    listener.settimeout(5)
    with listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(raw)


def test_an_http_check_refuses_the_job_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    order = {"name": "t", "definition": '{"kind": "load", "plan": {}}', "url": "http://ad", "connect": ""}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(order)))

    with pytest.raises(TypeError, match="t is not a test of kind http"):
        http.main()


@pytest.mark.parametrize("kind", ["pytest", "load"])
def test_a_test_of_another_kind_is_a_fault_of_ours(kind: str) -> None:
    test = make_test("kind: http, requests: [{}]")
    module = {"pytest": checks.pytest, "load": checks.load}[kind]

    with pytest.raises(TypeError, match=f"t is not a test of kind {kind}"):
        module.prepare(test, Target("http://ad.weather"), {})


def test_a_child_sees_only_what_is_passed_on(tmp_path: Path) -> None:
    environ = clean_environ(
        {"PATH": "/bin", "PENSTOCK_DATA_DIR": "/data", "API_TOKEN": "x", "PYTHONPATH": "/mine"}, tmp_path, "run-1"
    )

    assert set(environ) == {"PATH", "HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "PENSTOCK_RUN"}
    assert (environ["HOME"], environ["PENSTOCK_RUN"]) == (str(tmp_path), "run-1")
    assert environ["PYTHONPATH"].endswith(":/mine")


def test_many_reasons_become_a_few() -> None:
    assert join_reasons(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"
    assert join_reasons(["a"]) == "a"


TARGETS = [
    (Target("http://ad.weather"), "ad.weather:80", "http://ad.weather"),
    (Target("https://ad.weather"), "ad.weather:443", "https://ad.weather"),
    (Target("http://ad.weather:1", "127.0.0.1:2"), "127.0.0.1:2", "http://127.0.0.1:2"),
]


@pytest.mark.parametrize(("target", "address", "direct"), TARGETS)
def test_a_target_knows_where_to_connect(target: Target, address: str, direct: str) -> None:
    assert (target.address, target.direct_url) == (address, direct)
