"""What may be asked of the verdict over HTTP, and what is refused with its name."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from tests.verdicts.test_verdict_metrics import SPEC
from tests.verdicts.two_arms import Prometheus
from webhooks.access import Admission, Need, Scope, make_token
from webhooks.access.tokens import read_scopes
from webhooks.app import SERVICE
from webhooks.routes import admission, operations
from webhooks.settings import AuthMode, Settings
from workflows import serving

PATH = "/api/v1/verdict"
KNATIVE = {
    **SPEC,
    "provider": "knative",
    "targetRef": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "ad"},
}
GOOD = {"canary": "ad.weather", "window": "5m", "spec": SPEC}


def spec(**analysis: object) -> dict[str, Any]:
    return {**SPEC, "analysis": {**SPEC["analysis"], **analysis}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"canary": "ad"}, "canary: 'ad' is not NAME.NAMESPACE"),
        ({"canary": 'ad"} or vector(1).x'}, "is not NAME.NAMESPACE"),
        ({"canary": 7}, "canary: 7 is not a text"),
        ({"window": "7 minutes"}, "window: '7 minutes' is not a duration"),
        ({"window": "9s"}, "is not within 10s to 6h"),
        ({"window": "7h"}, "is not within 10s to 6h"),
        ({"judge": "evidense"}, "judge: unknown judge 'evidense'; known: threshold, evidence, evidence-strict"),
        ({"weight": 0}, "weight: 0 is not a whole percent"),
        ({"weight": "101"}, "weight: '101' is not a whole percent"),
        ({"weight": True}, "weight: True is not a whole percent"),
        ({"weight": 2.5}, "weight: 2.5 is not a whole percent"),
        ({"judge": 7}, "judge: 7 is not a text"),
        ({"canaryHash": "6c9b"}, "primaryHash, canaryHash: one without the other"),
        ({"canaryHash": "6c9b", "primaryHash": "6c9b"}, "'6c9b' is the primary's too"),
        ({"canaryHash": '6c9b"', "primaryHash": "7d9f"}, "is not a pod template hash"),
        ({"colour": "red"}, "colour: unknown field; known: canary, window"),
        ({"spec": "x"}, "spec: 'x' is not an object"),
        ({"spec": {}}, "spec.targetRef: is required"),
        ({"spec": {**SPEC, "targetRef": {**SPEC["targetRef"], "name": 'a"}'}}}, "spec.targetRef.name"),
        ({"spec": spec(metrics=[{"name": "own", "query": "up", "thresholdRange": {"min": 1}}])}, "'own' asks a query"),
        ({"spec": spec(metrics=[])}, "there is no limit to judge by"),
        ({"spec": {**SPEC, "provider": "nginx"}, "canaryHash": "6c", "primaryHash": "7d"}, "does not count by pods"),
        ({"spec": KNATIVE}, "no cluster is asked here"),
        ({"window": ""}, "window: missing; spec is for metrics"),
    ],
)
def test_a_field_that_is_wrong_is_one_line_with_its_name(
    client: FlaskClient, change: dict[str, object], said: str
) -> None:
    answer = client.post(PATH, json={**GOOD, **change})

    assert answer.status_code == 400
    assert said in answer.json["detail"]
    assert "\n" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "canary: '' is not NAME.NAMESPACE"),
        ("canary=a.b&canary=c.d", "canary: given twice"),
        ("canary=a.b&window=5m", "no cluster is asked here"),
        ("canary=a.b&judge=evidence", "window: missing; judge is for metrics"),
        ("canary=a.b&window=5m&spec=x", "spec: send it with POST"),
    ],
)
def test_a_query_that_is_wrong_is_one_line_with_its_name(client: FlaskClient, query: str, said: str) -> None:
    answer = client.get(f"{PATH}?{query}")

    assert answer.status_code == 400
    assert said in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "body: not a JSON object"),
        ("[]", "body: not a JSON object"),
        ('{"canary": "a.b", "canary": "c.d"}', "a key is there twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_none_is_refused(client: FlaskClient, body: str, said: str) -> None:
    answer = client.post(PATH, data=body)

    assert answer.status_code == 400
    assert said in answer.json["detail"]


def test_a_field_in_query_and_body_says_two_things(client: FlaskClient) -> None:
    answer = client.post(f"{PATH}?canary=ad.other", json=GOOD)

    assert (answer.status_code, answer.json["detail"]) == (400, "canary: given twice; say it once")


def test_other_methods_are_not_there(client: FlaskClient) -> None:
    assert client.delete(PATH).status_code == 405


def test_a_prometheus_that_is_away_is_asked_for_again(client: FlaskClient, prometheus: Prometheus) -> None:
    prometheus.traffic.away = True

    answer = client.post(PATH, json=GOOD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "the metrics server cannot be reached" in answer.json["detail"]


def test_without_a_prometheus_the_way_out_is_named(tmp_path: Path) -> None:
    app = serving.create(Settings(data_dir=tmp_path))

    answer = app.test_client().post(PATH, json=GOOD)

    app.extensions[SERVICE].store.close()
    assert answer.status_code == 400
    assert "name their server with --prometheus URL" in answer.json["detail"]


@pytest.mark.parametrize(("scopes", "status"), [("read", 200), ("approve", 200), ("runner", 403), ("", 401)])
def test_whoever_may_read_may_ask(tmp_path: Path, prometheus: Prometheus, scopes: str, status: int) -> None:
    token, line = make_token("ann", read_scopes(scopes or "read"))
    (tmp_path / "tokens").write_text(line + "\n")
    settings = Settings(data_dir=tmp_path, auth=AuthMode.TOKENS, tokens=tmp_path / "tokens")
    app = serving.create(settings, prometheus=prometheus.url)

    answer = app.test_client().post(PATH, json=GOOD, headers={"Authorization": f"Bearer {token if scopes else 'x'}"})

    app.extensions[SERVICE].store.close()
    assert answer.status_code == status


@pytest.mark.parametrize("rps", [10.0, 0.0])
def test_answers_are_as_the_api_describes_itself(client: FlaskClient, prometheus: Prometheus, rps: float) -> None:
    prometheus.traffic.canary.rps = rps
    document = client.get("/openapi.json").json
    assert document

    answer = client.post(PATH, json=GOOD).json

    assert set(document["paths"][PATH]) == {"get", "post"}
    assert list(Draft202012Validator(document["components"]["schemas"]["Verdict"]).iter_errors(answer)) == []
    assert list(Draft202012Validator(document["components"]["schemas"]["Question"]).iter_errors(GOOD)) == []


class Authority:
    """Lets everybody in and remembers what was needed."""

    def __init__(self) -> None:
        self.needs: list[Need] = []

    def admit(self, _token: str, need: Need) -> Admission:
        self.needs.append(need)
        return Admission("ann", allowed=True)


def test_a_token_needs_the_right_in_the_namespace_that_the_query_names(tmp_path: Path) -> None:
    authority, app = Authority(), Flask("service")
    operations.register(app)
    admission.register(app, admission.Guard(Settings(auth=AuthMode.TOKENS, tokens=tmp_path), authority))
    token = {"Authorization": "Bearer x"}

    app.test_client().get(f"{PATH}?canary=ad.weather", headers=token)
    app.test_client().post(f"{PATH}?canary=ad.weather&canary=ad.other", json={}, headers=token)
    app.test_client().post(PATH, json={"canary": "ad.weather"}, headers=token)
    app.test_client().get("/api/v1/runs?canary=ad.weather", headers=token)

    scopes = [(need.scope, need.namespace) for need in authority.needs]
    assert scopes == [(Scope.READ, "weather"), (Scope.READ, "weather"), (Scope.READ, ""), (Scope.READ, "weather")]
