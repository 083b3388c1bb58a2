"""Flagger's own hooks answered by the evidence judge."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cluster.manifests import Manifest
from webhooks.app import SERVICE, create_app
from webhooks.settings import Settings
from workflows import serving
from workflows.clocks import MemoryClock
from workflows.court import Court, add_judge
from workflows.docket import Docket
from workflows.errors import ConfigurationError, UnavailableError
from workflows.metrics.memory import MemoryCounter
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.traffic import Arm
from workflows.states.memory import MemoryStateStore


class Counter(MemoryCounter):
    """Count, unless it is away."""

    away = False

    def read(self) -> TrafficCounts:
        if self.away:
            raise UnavailableError("prometheus:9090 does not answer")
        return super().read()


class Bar:
    """A service with the judge, a canary in the cluster, and its traffic."""

    def __init__(self, folder: Path) -> None:
        clock = MemoryClock()
        self.states = MemoryStateStore("ad.weather", clock)
        self.counter = Counter()
        self.canary: Manifest | None = {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "ad", "namespace": "weather"},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
                "service": {"port": 3003},
                "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 20},
            },
            "status": {"canaryWeight": 20},
        }
        docket = Docket(lambda _: self.states, clock)
        court = Court(lambda *_: self.canary, lambda _: self.counter, docket)
        app = create_app(Settings(data_dir=folder), [partial(add_judge, court=court)])
        self.client: FlaskClient = app.test_client()
        self.dispose = app.extensions[SERVICE].store.close

    def ask(self, hook: str = "rollout", **metadata: str) -> TestResponse:
        body = {"name": "ad", "namespace": "weather", "checksum": "1a2b", "metadata": metadata or {"judge": "evidence"}}
        return self.client.post(f"/hooks/{hook}", json=body)

    def flow(self, failed: int = 0) -> None:
        self.counter.record(Arm.CANARY, "5xx", requests=failed)
        self.counter.record(Arm.CANARY, "2xx", requests=1200 - failed)
        self.counter.record(Arm.PRIMARY, "2xx", requests=4800)


@pytest.fixture
def bar(tmp_path: Path) -> Iterator[Bar]:
    bar = Bar(tmp_path)
    bar.ask()
    yield bar
    bar.dispose()


def test_a_good_canary_passes_with_the_judges_sentence(bar: Bar) -> None:
    bar.flow()

    answer = bar.ask()

    assert (answer.status_code, answer.text[:20]) == (200, "evidence passed: 5xx")


def test_a_bad_canary_fails_with_the_judges_sentence(bar: Bar) -> None:
    bar.flow(failed=60)

    answer = bar.ask()

    assert answer.status_code == 422
    assert answer.text.startswith("evidence failed: 5xx: canary 60 of 1200 (5.00%")


@pytest.mark.parametrize(("failed", "status"), [(0, 403), (60, 200)])
def test_a_rollback_hook_says_yes_to_evidence_of_harm_alone(bar: Bar, failed: int, status: int) -> None:
    bar.flow(failed)

    assert bar.ask("rollback").status_code == status


def test_a_counter_that_is_away_is_asked_for_again(bar: Bar) -> None:
    bar.counter.away = True

    answer = bar.ask()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


@pytest.mark.parametrize(("hook", "status"), [("rollout", 422), ("rollback", 403)])
def test_a_canary_that_is_not_there_is_said_and_never_rolled_back(bar: Bar, hook: str, status: int) -> None:
    bar.canary = None

    answer = bar.ask(hook)

    assert (answer.status_code, answer.text) == (status, "canary ad.weather is not in the cluster\n")


def test_a_canary_without_a_status_has_no_weight(bar: Bar) -> None:
    assert bar.canary
    del bar.canary["status"]

    assert bar.ask().status_code == 200


def test_an_unknown_judge_lists_the_known_ones(bar: Bar) -> None:
    assert "unknown judge 'evidense'; known: threshold, evidence" in bar.ask(judge="evidense").text


@pytest.mark.parametrize("hook", ["rollback", "confirm-promotion"])
def test_hooks_that_ask_for_no_judge_go_their_usual_way(bar: Bar, hook: str) -> None:
    assert bar.ask(hook, gate="held").status_code == 403
    assert bar.client.get("/hooks/rollout").status_code == 405
    assert bar.client.post("/hooks/rollout", data="no JSON").status_code == 400


def test_without_a_prometheus_the_way_out_is_named(tmp_path: Path) -> None:
    app = serving.create(Settings(data_dir=tmp_path))

    answer = app.test_client().post("/hooks/rollout", json={"name": "ad", "namespace": "w", "metadata": JUDGED})

    app.extensions[SERVICE].store.close()
    assert answer.status_code == 422
    assert "start it with --prometheus URL" in answer.text


JUDGED: dict[str, Any] = {"judge": "evidence"}


def test_a_prometheus_without_a_cluster_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PENSTOCK_PROMETHEUS", "http://prometheus:9090")

    with pytest.raises(ConfigurationError, match="no cluster is configured"):
        serving.main(["--kubeconfig", str(tmp_path / "none")])
