"""The verdict on a stretch of metrics, asked of the service as Argo Rollouts asks it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.verdicts.two_arms import Arm, Prometheus

SPEC: dict[str, Any] = {
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
    "service": {"port": 3003},
    "analysis": {
        "interval": "30s",
        "threshold": 3,
        "stepWeight": 20,
        "metrics": [
            {"name": "request-success-rate", "thresholdRange": {"min": 99}},
            {"name": "request-duration", "thresholdRange": {"max": 500}},
        ],
    },
}
FINE, HARMFUL = 0.0, 0.2


def ask(client: FlaskClient, **fields: object) -> Any:
    body = {"canary": "ad.weather", "window": "5m", "spec": SPEC, **fields}
    answer = client.post("/api/v1/verdict", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.parametrize("judge", ["threshold", "evidence", "evidence-strict"])
def test_a_canary_that_does_well_has_passed(client: FlaskClient, judge: str) -> None:
    found = ask(client, judge=judge)

    assert (found["ok"], found["verdict"]) == (True, "passed")
    assert found["score"] >= 95


@pytest.mark.parametrize("judge", ["threshold", "evidence", "evidence-strict"])
def test_a_canary_that_does_harm_has_failed(client: FlaskClient, prometheus: Prometheus, judge: str) -> None:
    prometheus.traffic.canary.errors = HARMFUL

    found = ask(client, judge=judge)

    assert (found["ok"], found["verdict"]) == (False, "failed")
    assert found["score"] <= (50 if judge == "threshold" else 5)


@pytest.mark.parametrize("judge", ["threshold", "evidence", "evidence-strict"])
def test_no_data_is_inconclusive_and_no_score(client: FlaskClient, prometheus: Prometheus, judge: str) -> None:
    prometheus.traffic.canary.rps = 0

    found = ask(client, judge=judge)

    assert (found["ok"], found["verdict"], found["score"]) == (False, "inconclusive", None)
