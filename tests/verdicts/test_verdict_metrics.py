"""The verdict on a stretch of metrics, asked of the service as Argo Rollouts asks it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.verdicts.two_arms import BEGIN, Arm, Prometheus
from workflows.clocks import SystemClock

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


def test_too_short_a_window_is_inconclusive_by_evidence_and_says_what_would_do(client: FlaskClient) -> None:
    found = ask(client, judge="evidence", window="30s")

    assert (found["verdict"], found["final"]) == ("inconclusive", False)
    assert "more good canary requests would show it well" in found["reason"]


def test_evidence_sees_slowness_that_the_limits_allow(client: FlaskClient, prometheus: Prometheus) -> None:
    prometheus.traffic.canary.slow = 0.009
    prometheus.traffic.primary.slow = 0.001

    assert ask(client)["verdict"] == "passed"
    assert ask(client, judge="evidence")["reason"].startswith("slower than 100 ms: canary")


def test_a_failed_check_fails_what_the_evidence_admits(client: FlaskClient, prometheus: Prometheus) -> None:
    # Both arms fail alike: nothing speaks against the canary but its own limit.
    prometheus.traffic.canary.errors = prometheus.traffic.primary.errors = 0.02

    found = ask(client, judge="evidence", window="10m")

    assert (found["verdict"], found["score"]) == ("failed", 50)
    assert found["reason"].startswith("success rate 98.00% < 99%")
    assert found["metrics"]["evidence"]["verdict"] == "passed"


def test_a_split_that_was_not_asked_for_is_not_compared(client: FlaskClient) -> None:
    assert ask(client, judge="evidence", weight="20")["verdict"] == "passed"

    found = ask(client, judge="evidence", weight=80)

    assert (found["verdict"], found["score"]) == ("inconclusive", None)
    assert "the split seen is far from the split asked" in found["reason"]
    assert found["metrics"]["evidence"]["value"] is None


def test_a_canary_that_began_in_the_window_counts_from_its_beginning(
    client: FlaskClient, prometheus: Prometheus
) -> None:
    prometheus.traffic.canary.since = SystemClock().now().timestamp() - 120

    found = ask(client)

    requests = int(found["reason"].partition(" of ")[2].partition(" ")[0])
    assert 1000 < requests <= 1200


def test_a_source_that_was_never_read_is_no_data(client: FlaskClient, prometheus: Prometheus) -> None:
    prometheus.traffic.canary.since = prometheus.traffic.primary.since = 2 * BEGIN

    assert ask(client, judge="evidence")["reason"].startswith("nothing was counted in the stretch")
    assert ask(client)["verdict"] == "inconclusive"


def test_an_answer_above_every_bound_is_no_number_and_fails(client: FlaskClient, prometheus: Prometheus) -> None:
    prometheus.traffic.canary.top = ""
    prometheus.traffic.canary.slow = 0.2

    found = ask(client)

    assert found["metrics"]["request-duration"] == {
        "verdict": "failed",
        "value": None,
        "limit": "<= 500ms",
        "reason": "request duration p99 above 100ms > 500ms (3000 requests)",
    }


@pytest.mark.parametrize(("primary", "canary", "verdict"), [("7d9f", "6c9b", "failed"), ("6c9b", "7d9f", "passed")])
def test_the_arms_of_an_argo_rollout_are_told_by_their_hashes(
    client: FlaskClient, prometheus: Prometheus, primary: str, canary: str, verdict: str
) -> None:
    prometheus.traffic.primary = Arm("ad", "ad-7d9f-aaaaa", rps=40.0)
    prometheus.traffic.canary = Arm("ad", "ad-6c9b-bbbbb", errors=0.2)

    assert ask(client, primaryHash=primary, canaryHash=canary)["verdict"] == verdict
