"""The verdict on a release that a service was only told of, by its loop or by the hooks of a controller."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from workflows.rollout.state import Verdict
from workflows.verdicts import standing

PATH = "/api/v1/verdict"


def tell(client: FlaskClient, name: str, phase: str, message: str) -> None:
    """Do what Flagger's event hook does."""
    told = {"eventMessage": message, "eventType": "Normal", "timestamp": "1790000000000"}
    payload = {"name": name, "namespace": "told", "phase": phase, "checksum": "6c9b", "metadata": told}
    assert client.post("/hooks/event", json=payload).status_code == 200


def ask(client: FlaskClient, name: str) -> Any:
    return client.get(f"{PATH}?canary={name}.told").json


def test_a_release_goes_from_inconclusive_to_its_end(client: FlaskClient) -> None:
    tell(client, "good", "Progressing", "New revision detected! Scaling up good.told")
    tell(client, "good", "Progressing", "Advance good.told canary weight 20")
    before = ask(client, "good")
    tell(client, "good", "Succeeded", "Promotion completed! Scaling down good.told")
    after = ask(client, "good")

    assert (before["verdict"], before["final"], before["phase"]) == ("inconclusive", False, "Progressing")
    assert before["reason"].startswith("Progressing at weight 20")
    assert (after["verdict"], after["score"], after["final"]) == ("passed", 100, True)


def test_a_release_that_was_rolled_back_has_failed_and_nobody_knows_how_far(client: FlaskClient) -> None:
    tell(client, "bad", "Progressing", "New revision detected! Scaling up bad.told")
    tell(client, "bad", "Failed", "Canary failed! Scaling down bad.told")

    found = ask(client, "bad")

    assert (found["verdict"], found["score"], found["phase"]) == ("failed", None, "Failed")


def test_an_end_that_nobody_told_is_inconclusive() -> None:
    found = standing.of_report(None, None, "a newer release began", under_way=False)

    assert (found.verdict, found.score, found.final) == (Verdict.INCONCLUSIVE, None, True)


@pytest.mark.parametrize("query", ["canary=nobody.told", "canary=good.elsewhere"])
def test_a_release_that_nobody_told_of_is_a_404(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{PATH}?{query}")

    assert answer.status_code == 404
    assert answer.json
    assert "have the release tell of itself with --report-to" in answer.json["detail"]
