"""The HTTP API for people and pipelines: what it gives, page by page, and that its own description is true."""

import json
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.webhooks.bench import Bench
from webhooks.app import compose
from webhooks.protocol import HookType
from webhooks.routes.api import list_operations
from webhooks.routes.api.schemas import SCHEMAS
from webhooks.settings import Settings
from webhooks.store.records import RunState

NO_RUN = "0" * 32


@pytest.fixture
def client(bench: Bench) -> Iterator[FlaskClient]:
    with compose(bench.service, Settings()).test_client() as made:
        yield made


def start_run(bench: Bench, test: str = "suite") -> str:
    bench.call(HookType.PRE_ROLLOUT, test=test, wait="1ms")
    return next(run.id for run in bench.under_way() if run.order.test == test)


def test_runs_are_listed_page_by_page(bench: Bench, client: FlaskClient) -> None:
    bench.call(HookType.PRE_ROLLOUT, tests="suite,contract,greeting", who="ann", wait="1ms")

    first = client.get("/api/v1/runs?limit=2").get_json()
    second = client.get("/api/v1/runs", query_string={"limit": 2, "cursor": first["next"]}).get_json()

    assert [len(page["runs"]) for page in (first, second)] == [2, 1]
    assert {run["test"] for page in (first, second) for run in page["runs"]} == {"suite", "contract", "greeting"}
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [("canary=ad.weather", 1), ("canary=ad.prod", 0), ("test=suite&state=queued", 1), ("state=passed", 0)],
)
def test_runs_are_listed_by_what_is_asked(bench: Bench, client: FlaskClient, query: str, found: int) -> None:
    start_run(bench)

    assert len(client.get(f"/api/v1/runs?{query}").get_json()["runs"]) == found


BAD_QUERIES = [
    ("/api/v1/runs?limit=0", "limit: '0' is not a whole number within 1 to 200"),
    ("/api/v1/runs?canary=ad", "canary: 'ad' is not NAME.NAMESPACE"),
    ("/api/v1/runs?state=done", "state: 'done' is unknown; known: queued, running"),
    ("/api/v1/runs?cursor=%00", "cursor: not one of ours"),
    ("/api/v1/runs?cursor=e30=", "cursor: not one of ours"),
    ("/api/v1/runs?cursor=WzFd", "cursor: not one of ours"),
    ("/api/v1/gates?cursor=WzFd", "cursor: not one of ours"),
    ("/api/v1/canaries/weather/ad/timeline?cursor=W10=", "cursor: not one of ours"),
]


@pytest.mark.parametrize(("path", "text"), BAD_QUERIES)
def test_a_bad_query_is_a_problem_that_names_it(client: FlaskClient, path: str, text: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert text in json.loads(answer.text)["detail"]


@pytest.mark.parametrize("path", ["", "/wait", "/log", "/report"])
@pytest.mark.parametrize("run_id", [NO_RUN, "nobody"])
def test_a_run_that_is_not_there_is_a_404(client: FlaskClient, run_id: str, path: str) -> None:
    answer = client.get(f"/api/v1/runs/{run_id}{path}")

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_run_is_shown_once_it_has_ended(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)
    bench.end(RunState.PASSED, "all good")

    shown = client.get(f"/api/v1/runs/{run_id}/wait?seconds=5").get_json()

    assert (shown["state"], shown["reason"], shown["test"]) == ("passed", "all good", "suite")
    assert shown == client.get(f"/api/v1/runs/{run_id}").get_json()


def test_a_wait_ends_with_its_seconds(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)

    assert client.get(f"/api/v1/runs/{run_id}/wait?seconds=0").get_json()["state"] == "queued"


def test_a_run_is_cancelled_with_who_and_why(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)

    shown = client.post(f"/api/v1/runs/{run_id}/cancel", json={"who": "ann", "why": "wrong version"}).get_json()

    assert shown["reason"] == "cancelled by ann: wrong version"
    assert bench.under_way()[0].cancel == "cancelled by ann: wrong version"


def test_a_run_that_has_ended_is_not_cancelled(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)
    bench.end(RunState.PASSED)

    answer = client.post(f"/api/v1/runs/{run_id}/cancel")

    assert (answer.status_code, json.loads(answer.text)["detail"]) == (409, f"run {run_id} has ended already: passed")


def test_a_log_is_read_on_from_where_it_ended(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)
    bench.store.logs.append(run_id, b"one\n", 100)
    first = client.get(f"/api/v1/runs/{run_id}/log")
    bench.store.logs.append(run_id, b"two\n", 100)

    second = client.get(f"/api/v1/runs/{run_id}/log?start={first.headers['Penstock-Next']}")

    assert (first.text, second.text) == ("one\n", "two\n")


VERDICTS = [
    (RunState.PASSED, None),
    (RunState.FAILED, "failure"),
    (RunState.INCONCLUSIVE, "error"),
    (RunState.LOST, "error"),
    (RunState.CANCELLED, "skipped"),
]


@pytest.mark.parametrize(("state", "element"), VERDICTS)
def test_a_junit_report_tells_the_verdict(
    bench: Bench, client: FlaskClient, state: RunState, element: str | None
) -> None:
    run_id = start_run(bench)
    bench.end(state, "7 is not 9\x00")

    case = ET.fromstring(client.get(f"/api/v1/runs/{run_id}/report?format=junit").text).find("testcase")  # noqa: S314 - our own

    assert case is not None
    assert [child.tag for child in case if child.tag != "system-out"] == ([element] if element else [])


def test_reports_show_the_log_and_what_was_measured(bench: Bench, client: FlaskClient) -> None:
    run_id = start_run(bench)
    (run,) = bench.under_way()
    bench.store.runs.save(replace(run, log="<b>7</b>", report='{"requests": 3}'))

    page = client.get(f"/api/v1/runs/{run_id}/report?format=html")
    document = client.get(f"/api/v1/runs/{run_id}/report").get_json()

    assert "&lt;b&gt;7&lt;/b&gt;" in page.text
    assert (document["log"], document["report"], document["run"]["id"]) == ("<b>7</b>", {"requests": 3}, run_id)


def test_an_unknown_form_of_a_report_is_refused(bench: Bench, client: FlaskClient) -> None:
    answer = client.get(f"/api/v1/runs/{start_run(bench)}/report?format=pdf")

    assert json.loads(answer.text)["detail"] == "format: 'pdf' is unknown; known: json, html, junit"


def test_gates_are_listed_page_by_page(bench: Bench, client: FlaskClient) -> None:
    for gate in ("b", "a", "c"):
        bench.call(HookType.CONFIRM_PROMOTION, gate=gate)

    first = client.get("/api/v1/gates?limit=2").get_json()
    second = client.get("/api/v1/gates", query_string={"cursor": first["next"]}).get_json()

    assert [[gate["gate"] for gate in page["gates"]] for page in (first, second)] == [["a", "b"], ["c"]]
    assert second["next"] is None


def test_a_gate_shows_every_word(bench: Bench, client: FlaskClient) -> None:
    bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")
    client.post("/api/v1/gates/weather/ad/promotion/approve", json={"who": "ann"})
    client.post("/api/v1/gates/weather/ad/promotion/halt", json={"who": "bob"})

    history = client.get("/api/v1/gates/weather/ad/promotion").get_json()["history"]

    assert [(word["state"], word["who"]) for word in history] == [("waiting", ""), ("open", "ann"), ("closed", "bob")]


def test_a_gate_nobody_spoke_of_is_a_404(client: FlaskClient) -> None:
    assert client.get("/api/v1/gates/weather/ad/promotion").status_code == 404


BAD_DECISIONS = [
    ({"why": "a\nb"}, "why: not one line"),
    ({"color": "red"}, "body: unknown field 'color'; known: lasts, template, who, why"),
    ({"lasts": "soon"}, "lasts: "),
    ([], "body: not a JSON object"),
]


@pytest.mark.parametrize(("body", "text"), BAD_DECISIONS)
def test_a_bad_decision_is_a_problem_that_names_it(client: FlaskClient, body: object, text: str) -> None:
    answer = client.post("/api/v1/gates/weather/ad/promotion/approve", json=body)

    assert answer.status_code == 400
    assert text in json.loads(answer.text)["detail"]


def test_a_timeline_joins_events_runs_and_gates_newest_first(bench: Bench, client: FlaskClient) -> None:
    bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")
    bench.time += 1
    start_run(bench)
    bench.time += 1
    bench.call(HookType.EVENT, eventMessage="Halt advancement")

    moments = client.get("/api/v1/canaries/weather/ad/timeline").get_json()["moments"]

    assert [(moment["kind"], moment["text"]) for moment in moments] == [
        ("event", "Halt advancement"),
        ("run", "pre-rollout: suite queued"),
        ("gate", "gate promotion waiting"),
    ]


def test_a_timeline_is_paged_without_tearing_a_moment(bench: Bench, client: FlaskClient) -> None:
    for step in (0, 0, 1, 0, 1):
        bench.time += step
        bench.call(HookType.EVENT)
    path = "/api/v1/canaries/weather/ad/timeline"

    first = client.get(f"{path}?limit=2").get_json()
    second = client.get(path, query_string={"limit": 3, "cursor": first["next"]}).get_json()

    assert [len(page["moments"]) for page in (first, second)] == [1, 2]


def test_the_description_names_every_route_and_schema(bench: Bench, client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}

    assert described == {(one.path, one.method) for one in list_operations(bench.service)}
    assert document["openapi"] == "3.1.0"
    assert document["components"]["schemas"].keys() == SCHEMAS.keys()


@pytest.mark.parametrize(
    "name",
    [
        "listRuns",
        "showRun",
        "waitForRun",
        "cancelRun",
        "readLog",
        "readReport",
        "listGates",
        "showGate",
        "approveGate",
        "haltGate",
        "showTimeline",
    ],
)
def test_the_service_does_what_its_description_says(bench: Bench, name: str) -> None:
    bench.call(HookType.CONFIRM_PROMOTION, gate="promotion")
    described = schemathesis.openapi.from_wsgi("/openapi.json", compose(bench.service, Settings()))
    (operation,) = (
        one.ok() for one in described.get_all_operations() if one.ok().definition.raw["operationId"] == name
    )
    cases = st.one_of(operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def ask(case: Case) -> None:
        case.query.pop("seconds", None) if case.query else None
        # Which texts are cursors of ours no schema can say.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
