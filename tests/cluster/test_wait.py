"""`penstock wait`: the end of the revision that was there at the start, whoever drives; never an older one's."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster import accounts
from tests.cluster.api_server import ApiServer
from tests.cluster.releases import Stage
from workflows.cli import main
from workflows.clocks import SystemClock
from workflows.cluster import outcomes
from workflows.cluster.kinds import CANARY, Manifest
from workflows.cluster.outcomes import Result

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def stage(unreleased: Stage) -> Stage:
    return unreleased


def wait(stage: Stage, timeout: str = "0s") -> int:
    return main(["wait", "canary/ad", *stage.where(), "--for", "promoted", "--timeout", timeout])


def show(stage: Stage, phase: str, said: str, at: datetime) -> None:
    """Do what the controller does."""
    condition = {
        "type": "Promoted",
        "status": said,
        "reason": phase,
        "message": f"in its own words: {phase}",
        "lastUpdateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "lastTransitionTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    status = {"phase": phase, "lastAppliedSpec": "5978589476", "conditions": [condition]}
    stage.cluster.patch(CANARY, "test", "ad", {"status": status}, "status")


def test_a_release_of_ours_is_waited_for_to_its_promotion(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run()
    stage.set_image("v2")
    before = wait(stage)
    stage.run()

    after = wait(stage)

    assert (before, after) == (75, 0)
    assert "Succeeded, canary weight 0, failed checks 0" in capsys.readouterr().err


def test_a_release_of_ours_that_fails_gives_its_own_code(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run()
    stage.set_image("v3")
    stage.run()

    code = wait(stage)

    assert code == 10
    assert "3 of 3 checks failed" in capsys.readouterr().out


def test_the_failure_of_an_older_revision_is_not_taken(stage: Stage) -> None:
    stage.run()
    stage.set_image("v3")
    stage.run()
    stage.set_image("v4")

    assert wait(stage) == 75


def test_the_end_of_a_release_by_flagger_is_told(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    show(stage, "Succeeded", "True", SystemClock().now() + timedelta(minutes=1))

    code = wait(stage)

    assert code == 0
    assert "in its own words: Succeeded" in capsys.readouterr().out


def test_an_older_end_of_a_release_by_flagger_is_not_taken(stage: Stage) -> None:
    show(stage, "Failed", "False", SystemClock().now() - timedelta(minutes=1))

    assert wait(stage) == 75


def test_a_revision_that_is_replaced_meanwhile_is_said(
    stage: Stage, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api.meanwhile("GET /api/v1/namespaces/test/configmaps/penstock-ad", lambda: stage.set_image("v4"))

    code = wait(stage, "10s")

    assert code == 13
    assert "was replaced by" in capsys.readouterr().out


def test_a_canary_that_is_not_there_is_not_waited_for(stage: Stage) -> None:
    assert main(["wait", "none", *stage.where()]) == 78


def test_a_time_that_is_none_is_refused(stage: Stage) -> None:
    assert wait(stage, "soon") == 78


def test_a_cluster_that_does_not_answer_is_asked_again(stage: Stage, api: ApiServer) -> None:
    stage.run()
    api.refuse("GET /api/v1/namespaces/test/configmaps/penstock-ad", status=410)

    assert wait(stage, "10s") == 0


@pytest.mark.parametrize(
    ("phase", "said", "at", "result"),
    [
        ("Succeeded", "True", NOON, Result.PROMOTED),
        ("Initialized", "True", NOON, Result.PROMOTED),
        ("Failed", "False", NOON, Result.FAILED),
        ("Progressing", "Unknown", NOON, None),
        ("Succeeded", "True", NOON - timedelta(seconds=1), None),
        ("Failed", "False", NOON - timedelta(seconds=1), None),
    ],
)
def test_an_end_counts_when_it_is_younger_than_the_template(
    phase: str, said: str, at: datetime, result: Result | None
) -> None:
    condition = {"type": "Promoted", "status": said, "lastTransitionTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}

    assert outcomes.judge({"status": {"phase": phase, "conditions": [condition]}}, NOON) is result


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ([], None),
        ([{"time": "2026-01-01T12:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}], None),
        (
            [
                {"time": "2026-01-01T11:00:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
                {"time": "2026-01-01T12:00:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
                {"time": "2026-01-01T13:00:00Z", "fieldsV1": {"f:status": {}}},
            ],
            NOON,
        ),
    ],
)
def test_the_last_writer_of_the_template_is_known(fields: list[Manifest], time: datetime | None) -> None:
    assert outcomes.find_change({"metadata": {"managedFields": fields}}) == time


def test_a_canary_that_is_deleted_meanwhile_is_waited_for_no_longer(
    stage: Stage, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    record = "GET /api/v1/namespaces/test/configmaps/penstock-ad"
    api.meanwhile(record, lambda: stage.cluster.delete(CANARY, "test", "ad"))

    assert wait(stage, "20s") == 78

    assert "the Canary was deleted" in capsys.readouterr().err


def show_soon(stage: Stage) -> threading.Timer:
    """Let the controller promote the release in a moment."""
    timer = threading.Timer(0.5, show, (stage, "Succeeded", "True", SystemClock().now() + timedelta(minutes=1)))
    timer.start()
    return timer


def test_a_change_is_waited_for_by_a_watch(stage: Stage, api: ApiServer) -> None:
    stage.set_image("v2")
    change = show_soon(stage)

    assert wait(stage, "20s") == 0

    change.join()
    assert "GET /apis/flagger.app/v1beta1/namespaces/test/canaries" in api.requests


def test_who_may_not_watch_looks_again_and_again(stage: Stage, api: ApiServer, tmp_path: Path) -> None:
    stage.set_image("v2")
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]}]
    limited = replace(stage, kubeconfig=api.kubeconfig(tmp_path, accounts.make(stage.cluster, "test", rules)))
    change = show_soon(stage)

    assert wait(limited, "20s") == 0

    change.join()
