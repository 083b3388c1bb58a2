"""Releases over the HTTP API: what is pushed comes back, and what is wrong is named."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.webhooks.bench import Bench
from webhooks.access import make_token
from webhooks.access.scopes import Scope
from webhooks.app import compose
from webhooks.settings import AuthMode, Settings

ONE = "/api/v1/releases/weather/ad/one"
PLAN = {"title": "v1 -> v2", "weights": [20, 40], "threshold": 3, "minimumSuccessPercent": 95, "maximumP99Ms": None}
CHECK = {"name": "request-success-rate", "verdict": "failed", "value": 70, "limit": "at least 95 %", "reason": "70 %"}
REPORT = {
    "sequence": 7,
    "at": 12.5,
    "kind": "decision",
    "text": "halt",
    "warning": True,
    "phase": "Progressing",
    "weight": 20,
    "failedChecks": 1,
    "verdict": "failed",
    "checks": [CHECK],
    "primary": {"successPercent": 100, "p99Ms": 5.5, "requests": 80},
    "canary": {"successPercent": None, "p99Ms": None, "requests": None},
    "ending": None,
}


@pytest.fixture
def client(bench: Bench) -> Iterator[FlaskClient]:
    with compose(bench.service, Settings()).test_client() as made:
        yield made


@pytest.fixture
def begun(client: FlaskClient) -> FlaskClient:
    assert client.put(ONE, json={"beganAt": 10.0, "plan": PLAN}).status_code == 200
    return client


def test_what_is_reported_comes_back(begun: FlaskClient) -> None:
    told = begun.post(f"{ONE}/reports", json={"reports": [REPORT], "lost": 2}).get_json()

    assert (told["phase"], told["weight"], told["failedChecks"], told["lost"], told["sequence"]) == (
        "Progressing",
        20,
        1,
        2,
        7,
    )
    assert told["plan"]["weights"] == [20, 40]
    assert begun.get(f"{ONE}/reports").get_json() == {"reports": [REPORT], "next": None}
    assert begun.get("/api/v1/releases?namespace=weather").get_json()["releases"] == [told]


def test_reports_are_listed_page_by_page(begun: FlaskClient) -> None:
    begun.post(f"{ONE}/reports", json={"reports": [{**REPORT, "sequence": number} for number in range(5)]})

    first = begun.get(f"{ONE}/reports?limit=3").get_json()
    second = begun.get(f"{ONE}/reports?limit=3&after={first['next']}").get_json()

    assert [[one["sequence"] for one in page["reports"]] for page in (first, second)] == [[1, 2, 3], [4]]


def test_releases_are_listed_page_by_page(client: FlaskClient) -> None:
    for number in range(3):
        client.put(f"/api/v1/releases/weather/ad{number}/one", json={"beganAt": number, "plan": {}})

    first = client.get("/api/v1/releases?limit=2").get_json()
    second = client.get("/api/v1/releases", query_string={"limit": 2, "cursor": first["next"]}).get_json()

    assert [one["name"] for page in (first, second) for one in page["releases"]] == ["ad2", "ad1", "ad0"]
    assert second["next"] is None


BAD = [
    ("put", "", {"plan": {}}, "body.beganAt: is missing"),
    ("put", "", {"beganAt": -1}, "body.beganAt: '-1' is not a number that can stand here"),
    ("put", "", {"beganAt": True}, "body.beganAt: 'True' is not a number"),
    ("put", "", [], "body: not a JSON object"),
    ("put", "", {"beganAt": 1, "plan": {"weights": [101]}}, "body.plan.weights[0]: '101' is not a whole percent"),
    ("put", "", {"beganAt": 1, "plan": {"weights": 5}}, "body.plan.weights: '5' is not a list of at most 101"),
    ("put", "", {"beganAt": 1, "plan": {"title": 5}}, "body.plan.title: '5' is not a text"),
    ("put", "", {"beganAt": 1, "more": 1}, "body: unknown field 'more'"),
    ("post", "/reports", {"reports": [{}]}, "body.reports[0].sequence: is missing"),
    ("post", "/reports", {"reports": [{**REPORT, "kind": "x"}]}, "body.reports[0].kind: 'x' is unknown; known: dec"),
    ("post", "/reports", {"reports": [{**REPORT, "warning": 1}]}, "body.reports[0].warning: '1' is not true or false"),
    ("post", "/reports", {"reports": [{**REPORT, "weight": 20.5}]}, "body.reports[0].weight: '20.5' is not a whole"),
    ("post", "/reports", {"reports": [{**REPORT, "checks": [{}]}]}, "body.reports[0].checks[0].verdict: is missing"),
    ("post", "/reports", {"reports": [REPORT] * 501}, "is not a list of at most 500"),
]


@pytest.mark.parametrize(("method", "path", "body", "text"), BAD)
def test_what_is_wrong_is_named(begun: FlaskClient, method: str, path: str, body: object, text: str) -> None:
    answer = begun.open(ONE + path, method=method.upper(), json=body)

    assert answer.status_code == 400
    assert text in json.loads(answer.text)["detail"]


@pytest.mark.parametrize("body", [b"", b"no", b'{"beganAt": NaN}', b'{"beganAt": 1e999}', b"[" * 100_000])
def test_a_body_that_is_no_document_is_refused(client: FlaskClient, body: bytes) -> None:
    assert client.put(ONE, data=body).status_code == 400


def test_half_a_surrogate_pair_does_not_stop_a_report(begun: FlaskClient) -> None:
    report = json.dumps({**REPORT, "text": "\ud800 and \u202e"}).encode()

    assert begun.post(f"{ONE}/reports", data=b'{"reports": [' + report + b"]}").status_code == 200
    assert begun.get(ONE).get_json()["reason"] == "? and \u202e"


@pytest.mark.parametrize("path", ["", "/reports", "/journal"])
@pytest.mark.parametrize("release", ["two", "NO", "-"])
def test_a_release_that_is_not_there_is_a_404(begun: FlaskClient, release: str, path: str) -> None:
    assert begun.get(f"/api/v1/releases/weather/ad/{release}{path}").status_code == 404


def test_a_journal_is_kept_and_given(begun: FlaskClient) -> None:
    kept = begun.put(f"{ONE}/journal", data=b'{"line": 1}\n')
    found = begun.get(f"{ONE}/journal")

    assert (kept.get_json(), found.data) == ({"bytes": 12}, b'{"line": 1}\n')
    assert found.content_type == "application/x-ndjson"


def test_a_journal_of_a_release_that_is_not_there_is_not_kept(client: FlaskClient) -> None:
    assert client.put(f"{ONE}/journal", data=b"{}").status_code == 404


SCOPES = [(Scope.READ, (403, 404)), (Scope.REPORT, (200, 200)), (Scope.APPROVE, (403, 404)), (Scope.RUNNER, (403, 403))]


@pytest.mark.parametrize(("scope", "statuses"), SCOPES)
def test_who_may_report_may_look_and_nobody_else_may_report(
    bench: Bench, tmp_path: Path, scope: Scope, statuses: tuple[int, int]
) -> None:
    token, line = make_token("pipeline", frozenset({scope}))
    (tmp_path / "tokens").write_text(line + "\n")
    client = compose(bench.service, Settings(auth=AuthMode.TOKENS, tokens=tmp_path / "tokens")).test_client()
    headers = {"Authorization": f"Bearer {token}"}

    begun = client.put(ONE, json={"beganAt": 1.0, "plan": {}}, headers=headers)

    assert (begun.status_code, client.get(ONE, headers=headers).status_code) == statuses
