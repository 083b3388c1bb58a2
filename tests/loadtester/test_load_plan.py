import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtester import LoadPlan, PlanError
from loadtester.plan import DEFAULT_THRESHOLD, Mode, Segment
from loadtester.plan_file import (
    PLAN_SCHEMA,
    document_of,
    parse_command,
    parse_duration,
    parse_metadata,
    plan_from,
    read_plan,
)

TARGET = "http://ad:3003"
FULL: dict[str, Any] = {
    "target": "https://[::1]:8443/base",
    "mode": "closed",
    "users": 5,
    "stages": [{"ramp": 10, "for": "30s"}, {"hold": "1m"}, {"step": 3, "for": 5}, {"spike": 20, "for": "500ms"}],
    "spacing": "poisson",
    "requests": [
        {
            "path": "/login",
            "method": "POST",
            "body": "x",
            "capture": {"token": {"json": "a.0"}, "id": {"header": "Location"}},
        },
        {"path": "/ad?t=${token}", "name": "ad", "weight": 3, "headers": {"A": "${id}"}, "think": "1s-2s"},
        {
            "path": "/z",
            "expect": {"status": [200, "3xx"], "body": "ok", "matches": "o."},
            "capture": {"x": {"body": "(.)"}},
        },
    ],
    "thresholds": ["http_req_failed: rate<0.01", "http_req_duration{name=ad}: p(99)<300"],
    "limits": {"names": 10, "errors": 5, "memory_mb": 300, "silence": "3s"},
    "headers": {"X": "y"},
    "tls": {"verify": False, "ca_file": "ca.pem"},
    "cookies": "true",
    "redirects": 3,
    "compression": True,
    "timeout": "2s",
    "grace": 0,
    "connections": "20",
    "minimum_requests": 7,
    "tags": ["smoke"],
}


def faults_of(**document: Any) -> list[str]:
    with pytest.raises(PlanError) as error:
        plan_from(document)
    return list(error.value.faults)


def test_a_plan_needs_only_its_target() -> None:
    plan = plan_from({"target": TARGET})

    assert (plan.mode, plan.level, plan.thresholds) == (Mode.OPEN, 10.0, (DEFAULT_THRESHOLD,))
    assert plan.length_s == 3600


@pytest.mark.parametrize(
    "document",
    [
        {"target": TARGET, "rate": 5},
        FULL,
        {"target": TARGET, "locustfile": "a.py", "users": 2},
        {"target": TARGET, "compare_with": "http://b"},
    ],
)
def test_a_plan_survives_its_document(document: dict[str, object]) -> None:
    plan = plan_from(document)

    assert plan_from(json.loads(json.dumps(document_of(plan)))) == plan


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({}, "target: is missing; say http://host[:port]"),
        ({"target": "ad:3003"}, "target: 'ad:3003' is not a URL; say http://host[:port] or https://host[:port]"),
        ({"target": "http://a:b@ad"}, "target: credentials do not belong in a URL; use a header"),
        ({"target": "http://ad:99999"}, "target: 'http://ad:99999' is not a URL (Port out of range 0-65535)"),
        (
            {"target": "http://ad/ad?user=7"},
            "target: 'http://ad/ad?user=7' has a query; put it into the path of a request",
        ),
        ({"target": TARGET, "rte": 5}, "rte: unknown field; did you mean 'rate'?"),
        ({"target": TARGET, "rate": "fast"}, "rate: 'fast' is not a number"),
        ({"target": TARGET, "rate": True}, "rate: True is not a number"),
        ({"target": TARGET, "rate": 0}, "rate: 0.0 makes no load"),
        ({"target": TARGET, "rate": -1}, "rate: -1.0 is negative"),
        ({"target": TARGET, "rate": "inf"}, "rate: 'inf' is not a number"),
        ({"target": TARGET, "users": 1.5}, "users: 1.5 is not a whole number"),
        (
            {"target": TARGET, "rate": 5, "users": 5},
            "rate: has no meaning in mode closed, whose load is users; say mode: open",
        ),
        (
            {"target": TARGET, "mode": "open", "users": 5},
            "users: has no meaning in mode open, whose load is a rate; say mode: closed",
        ),
        ({"target": TARGET, "mode": "half"}, "mode: 'half' is not known; known: open, closed"),
        ({"target": TARGET, "duration": "soon"}, "duration: 'soon' is not a duration; say 30s, 1m30s or 500ms"),
        ({"target": TARGET, "duration": "2d"}, "duration: '2d' is not a duration; say 30s, 1m30s or 500ms"),
        ({"target": TARGET, "duration": 1e9}, "duration: 1000000000.0 s is out of 0..1 day"),
        ({"target": TARGET, "stages": [{"ramp": 5}]}, "stages[0].for: 0 s is no duration; give the stage some time"),
        ({"target": TARGET, "stages": [{"climb": 5}]}, "stages[0]: say exactly one of ramp, hold, step, spike"),
        ({"target": TARGET, "stages": 5}, "stages: 5 is not a list"),
        (
            {"target": TARGET, "duration": 5, "stages": [{"ramp": 5, "for": 1}]},
            "duration: stages have their own; leave one of the two out",
        ),
        ({"target": TARGET, "requests": ["/ad"]}, "requests[0]: '/ad' is not a mapping of fields"),
        (
            {"target": TARGET, "requests": [{"path": "ad"}]},
            "requests[0].path: 'ad' does not start with /; the host stands in target",
        ),
        ({"target": TARGET, "requests": [{"path": "/a b"}]}, "requests[0].path: '/a b' must be URL-encoded"),
        (
            {"target": TARGET, "requests": [{"weight": 0}]},
            "requests[0].weight: 0.0 is not above 0; leave the request out instead",
        ),
        (
            {"target": TARGET, "requests": [{"think": "a-b"}]},
            "requests[0].think: 'a-b' is not a duration or a range of them; say 1s or 1s-3s",
        ),
        ({"target": TARGET, "requests": [{"think": "1s"}]}, "requests: think has no meaning in mode open; use closed"),
        (
            {"target": TARGET, "requests": [{"expect": {"status": 99}}]},
            "requests[0].expect.status: '99' is not a status; say 200 or 2xx",
        ),
        ({"target": TARGET, "requests": [{"path": "/${x}"}]}, "requests[0]: ${x} is captured by no request; known: []"),
        ({"target": TARGET, "headers": {"a b": "c"}}, "headers: 'a b' is not a header name"),
        ({"target": TARGET, "headers": {"A": "c\r\nB: d"}}, "headers.A: 'c\\r\\nB: d' holds a line break"),
        ({"target": TARGET, "headers": "A"}, "headers: 'A' is not a mapping of texts"),
        ({"target": TARGET, "cookies": "maybe"}, "cookies: 'maybe' is not true or false"),
        ({"target": TARGET, "timeout": 0}, "timeout: 0.0 is not above 0"),
        ({"target": TARGET, "minimum_requests": 0}, "minimum_requests: 0 is below 1"),
        (
            {"target": TARGET, "locustfile": "a.py", "mode": "open"},
            "mode: open; a locustfile runs users of its own, so its mode is closed",
        ),
        (
            {"target": TARGET, "locustfile": "a.py", "rate": 5},
            "rate: has no meaning with a locustfile, whose load is users; say users instead",
        ),
        (
            {"target": TARGET, "locustfile": "a.py", "rate": 5, "mode": "open"},
            "rate: has no meaning with a locustfile, whose load is users; say users instead",
        ),
        (
            {"target": TARGET, "locustfile": "a.py", "requests": [{}]},
            "requests: a locustfile has its own; leave one of the two out",
        ),
        (
            {"target": TARGET, "locustfile": "a.py", "compare_with": "http://b"},
            "compare_with: needs requests, not a locustfile",
        ),
    ],
)
def test_a_fault_is_told_with_its_path_and_the_way_out(document: dict[str, object], fault: str) -> None:
    assert fault in faults_of(**document)


@pytest.mark.parametrize(
    "rule",
    [{"json": "a", "body": "(b)"}, {}, {"body": "no group"}, {"body": "(("}],
)
def test_a_capture_needs_one_rule_that_yields_one_value(rule: dict[str, str]) -> None:
    assert faults_of(target=TARGET, requests=[{"capture": {"x": rule}}])[0].startswith("requests[0].capture.x")


def test_requests_that_all_need_captured_values_cannot_begin() -> None:
    request = {"path": "/${x}", "capture": {"x": {"json": "a"}}}

    assert faults_of(target=TARGET, requests=[request]) == [
        "requests: each needs a captured value, so none could be the first"
    ]


def test_all_faults_are_told_at_once() -> None:
    assert len(faults_of(rate="x", mode="y", requests=[{"method": "get"}], thresholds=["z"])) == 5


def test_an_unknown_metric_is_a_fault_of_the_plan() -> None:
    assert "unknown metric" in faults_of(target=TARGET, thresholds=["latency: p(99)<5"])[0]


def test_a_plan_that_is_no_text_or_number_is_a_fault() -> None:
    assert faults_of(target={"a": "b" * 100})[0].startswith("target: {'a': 'bbb")


def test_stages_follow_one_another() -> None:
    stages = plan_from(FULL | {"users": 5}).segments

    assert stages == (Segment(0, 10, 30), Segment(10, 10, 60), Segment(3, 3, 5), Segment(20, 20, 0.5))


def test_a_first_hold_keeps_the_plans_level() -> None:
    plan = plan_from({"target": TARGET, "rate": 7, "stages": [{"hold": "2s"}, {"ramp": 9, "for": 1}]})

    assert plan.segments == (Segment(7, 7, 2), Segment(7, 9, 1))
    assert plan.length_s == 3


def test_only_allowed_targets_are_loaded() -> None:
    plan = LoadPlan("http://ad:3003", compare_with="http://evil")

    plan.require_allowed(None)
    with pytest.raises(PlanError, match="compare_with: evil is not allowed; allowed: ad"):
        plan.require_allowed(["ad"])


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("2.5", 2.5)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0


def test_a_yaml_plan_finds_its_locustfile_beside_it(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(f"target: {TARGET}\nlocustfile: users.py\nusers: 3\n")

    assert read_plan(tmp_path / "plan.yaml").locustfile == str(tmp_path / "users.py")


@pytest.mark.parametrize(
    ("name", "text"),
    [("plan.json", "{"), ("plan.json", "[]"), ("plan.yaml", "a: [b"), ("plan.yaml", "- a"), ("plan.yaml", "")],
)
def test_a_file_that_is_no_plan_is_told_by_its_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(PlanError, match=name):
        read_plan(tmp_path / name)


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"gone\.yaml: cannot be read"):
        read_plan(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("hey -z 1m -q 10 -c 2 http://ad:3003/ad", {"rate": 20.0, "duration": 60.0, "redirects": 10}),
        ("hey -z 5s -c 3 http://ad/", {"users": 3, "duration": 5.0, "timeout": 20.0}),
        ("hey -n 100 -q 10 -c 2 -disable-redirects http://ad/", {"rate": 20.0, "duration": 5.0}),
        ("/usr/bin/wrk -t2 -c 40 -d30s --latency http://ad/", None),
        ("wrk -t 2 -c 40 -d 30s --timeout 1s --latency http://ad/", {"users": 40, "duration": 30.0, "timeout": 1.0}),
        ("wrk --connections=7 http://ad/", {"users": 7, "duration": 10.0}),
        ("wrk2 -R 500 -c 9 -d 1s http://ad/", {"rate": 500.0, "connections": 9}),
    ],
)
def test_a_line_makes_the_load_its_tool_would(line: str, fields: dict[str, Any] | None) -> None:
    if fields is None:
        with pytest.raises(PlanError):
            parse_command(line)
        return
    document = parse_command(line)

    assert fields.items() <= document.items()
    assert plan_from(document).target.startswith("http://ad")


def test_a_hey_line_carries_its_request() -> None:
    line = "hey -z 1s -m POST -d '{\"a\": 1}' -T application/json -H 'X-A: b' -A text/html -U me -disable-keepalive http://ad/x?y=1"

    request = plan_from(parse_command(line)).requests[0]

    assert (request.method, request.path, request.body) == ("POST", "/x?y=1", '{"a": 1}')
    assert dict(request.headers) == {
        "X-A": "b",
        "Accept": "text/html",
        "Content-Type": "application/json",
        "User-Agent": "me",
        "Connection": "close",
    }


@pytest.mark.parametrize(
    "line",
    ["", "curl http://ad", "hey", "hey -z", "hey -z soon http://ad", "hey -q x http://ad", "hey -n 5 http://ad",
     "hey -h2 http://ad", "hey -zz http://ad", "hey http://a http://b", "hey 'http://ad", "wrk -s a.lua http://ad"],
)  # fmt: skip
def test_a_line_that_cannot_be_honoured_is_refused(line: str) -> None:
    with pytest.raises(PlanError, match="line: "):
        parse_command(line)


def test_metadata_of_a_hook_makes_a_plan() -> None:
    metadata = {
        "type": "load",
        "target": TARGET,
        "rate": "50",
        "path": "/ad",
        "thresholds": "http_req_failed: rate<0.05; http_req_duration: p(99)<500",
        "headers": '{"A": "b"}',
    }

    plan = plan_from(parse_metadata(metadata))

    assert (plan.level, plan.requests[0].path, len(plan.thresholds)) == (50, "/ad", 2)


def test_metadata_may_hold_a_hey_line() -> None:
    assert plan_from(parse_metadata({"cmd": "hey -z 1m -q 10 -c 2 http://ad/", "rate": "5"})).level == 5


def test_metadata_that_is_no_json_is_told() -> None:
    with pytest.raises(PlanError, match="requests: "):
        parse_metadata({"requests": "[", "target": TARGET})


def test_the_schema_knows_the_fields_that_the_reader_knows() -> None:
    (fault,) = faults_of(target=TARGET, zzzzzz=1)
    known = fault.partition("known: ")[2].split(", ")

    assert sorted(PLAN_SCHEMA["properties"]) == sorted(known)


def test_a_name_that_is_not_published_is_an_attribute_error() -> None:
    import loadtester  # noqa: PLC0415 - the package itself is the subject

    with pytest.raises(AttributeError, match="nothing"):
        loadtester.nothing  # noqa: B018 - reading it is the act
