"""Hooks verified by an API server: Canaries kept by watch, templates that approvals are bound to."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cluster.api_server import ApiServer
from tests.webhooks.bench import Bench
from webhooks.access import ReadBack
from webhooks.access.canaries import ClusterCanaries
from webhooks.access.cluster_api import ClusterApi
from webhooks.access.entries import TargetRef
from webhooks.access.templates import Templates
from webhooks.access.watching import CanaryWatch
from webhooks.app import compose
from webhooks.errors import ClusterError, StoreError
from webhooks.protocol import HookPayload, HookType
from webhooks.settings import Settings, VerifyMode
from webhooks.store.records import CanaryName
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, Manifest

KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"  # read from the environment at import
AD = CanaryName("test", "ad")
PRE = HookType.PRE_ROLLOUT
PATH = "/hooks/pre-rollout"
PATIENCE_S = 30.0


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def canary(test: str = "suite", phase: str = "Progressing") -> Manifest:
    hooks = [
        {"name": hook, "type": hook, "url": f"http://penstock/hooks/{hook}", "timeout": "1s", "metadata": metadata}
        for hook, metadata in (("confirm-rollout", {}), ("pre-rollout", {"test": test}))
    ]
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "ad", "namespace": "test"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 3, "stepWeight": 10, "webhooks": hooks},
        },
        "status": {"phase": phase, "lastTransitionTime": "2027-01-01T00:00:00Z"},
    }


def put(cluster: Cluster, wanted: Manifest) -> None:
    found = cluster.get(CANARY, "test", "ad")
    kept = (
        cluster.replace(CANARY, wanted | {"metadata": found["metadata"]}) if found else cluster.create(CANARY, wanted)
    )
    cluster.replace(CANARY, kept | {"status": wanted["status"]}, "status")


class Watched:
    """Read back with a watch, by a clock that the test moves; hears what the watch sees."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.ends: list[tuple[CanaryName, float]] = []
        self.signs = 0
        api = ClusterApi()
        self.watch = CanaryWatch(api, lambda: self.time, self)
        self.read_back = ReadBack(ClusterCanaries(api), lambda: self.time, self.watch)

    def seen(self, namespace: str, at: float) -> None:
        assert (namespace, at) == ("test", self.time)
        self.signs += 1

    def ended(self, name: CanaryName, at: float) -> None:
        self.ends.append((name, at))

    def verify(self, test: str = "suite") -> str:
        return self.read_back.verify(PRE, PATH, HookPayload("ad", "test", metadata={"test": test})).fault

    def knows(self, test: str = "suite") -> bool:
        entry = self.watch.recall(AD)
        return entry is not None and entry.hooks[1].metadata == {"test": test}


@pytest.fixture(autouse=True)
def here(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KUBECONFIG, str(api.kubeconfig(tmp_path)))


@pytest.fixture
def watched(cluster: Cluster) -> Iterator[Watched]:
    put(cluster, canary())
    made = Watched()
    yield made
    made.watch.close()


def reads_of_one(api: ApiServer) -> int:
    return sum(line.startswith("GET ") and line.split("?")[0].endswith("/canaries/ad") for line in api.requests)


def test_one_read_is_enough_for_a_namespace_that_is_watched(watched: Watched, cluster: Cluster, api: ApiServer) -> None:
    watched.verify()
    eventually(watched.knows)
    before = reads_of_one(api)
    put(cluster, canary("other"))
    eventually(lambda: watched.knows("other"))

    assert watched.verify("other") == ""
    # The test itself reads it once, to replace it.
    assert reads_of_one(api) - before == 1


def test_a_canary_that_is_deleted_is_known_no_more(watched: Watched, cluster: Cluster) -> None:
    watched.verify()
    eventually(watched.knows)
    cluster.delete(CANARY, "test", "ad")
    eventually(lambda: watched.watch.recall(AD) is None)
    watched.time += 11

    assert watched.verify() == "there is no Canary ad.test"


def test_while_the_cluster_is_away_what_is_known_holds_for_a_minute(watched: Watched, api: ApiServer) -> None:
    watched.verify()
    eventually(watched.knows)
    with api.away():
        watched.time += 59
        held = watched.verify()
        watched.time += 2
        with pytest.raises(ClusterError, match="the cluster did not answer"):
            watched.verify()

    assert held == ""


def test_a_watch_goes_on_after_the_cluster_was_away(watched: Watched, cluster: Cluster, api: ApiServer) -> None:
    watched.verify()
    eventually(watched.knows)
    with api.away():
        threading.Event().wait(0.15)
    put(cluster, canary("other"))

    eventually(lambda: watched.knows("other"))


def test_a_watch_tells_that_a_release_is_over(watched: Watched, cluster: Cluster) -> None:
    watched.verify()
    eventually(watched.knows)
    put(cluster, canary(phase="Succeeded"))

    eventually(lambda: watched.ends)
    assert watched.ends == [(AD, 1798761600.0)]


def test_a_namespace_that_nobody_asks_for_is_watched_no_more(watched: Watched, cluster: Cluster) -> None:
    watched.verify()
    eventually(watched.knows)
    watched.time += 3601
    put(cluster, canary("other"))  # a sign, after which the watch looks at the time
    eventually(lambda: not watched.watch._watched["test"].alive)
    watched.verify("other")

    eventually(lambda: watched.knows("other"))


def deployment(image: str = "ad:v1") -> Manifest:
    labels = {"app": "ad"}
    pod = {"containers": [{"name": "app", "image": image, "envFrom": [{"configMapRef": {"name": "pages"}}]}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ad", "namespace": "test", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def config(text: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "pages", "namespace": "test"},
        "data": {"a": text},
    }


Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def bench(cluster: Cluster, tmp_path: Path) -> Bench:
    cluster.create(CONFIG_MAP, config("one"))
    cluster.create(DEPLOYMENT, deployment())
    return Bench(tmp_path)


@pytest.fixture
def client(bench: Bench) -> Iterator[FlaskClient]:
    """A service that enforces what Canaries list."""
    app = compose(bench.service, Settings(verify_hooks=VerifyMode.ENFORCE))
    yield app.test_client()
    app.extensions["penstock.readback"].close()


@pytest.fixture
def ask(client: FlaskClient, bench: Bench, cluster: Cluster) -> Ask:
    """Ask the service while the Canary is in the phase of the call."""

    def call(path: str, body: Any = None) -> tuple[int, str]:
        hook = path.removeprefix("/hooks/")
        if hook != path:
            phase = {"confirm-rollout": "Waiting", "post-rollout": "Succeeded"}.get(hook, "Progressing")
            put(cluster, canary(phase=phase))
            bench.time += 2
            metadata = {} if hook != "pre-rollout" else {"metadata": {"test": "suite"}}
            body = {"name": "ad", "namespace": "test", "phase": phase, "checksum": "r2"} | metadata
        answer = client.post(path, json=body)
        return answer.status_code, answer.text.strip()

    return call


APPROVE = "/api/v1/gates/test/ad/confirm-rollout/approve"
CONFIRM = "/hooks/confirm-rollout"


def test_an_approval_of_one_image_never_admits_another(ask: Ask, cluster: Cluster) -> None:
    first = ask(CONFIRM)
    approved = ask(APPROVE, {"who": "ann"})
    admitted = ask(CONFIRM)
    cluster.patch(DEPLOYMENT, "test", "ad", deployment("ad:v2"))
    late = ask(PATH)
    again = ask(CONFIRM)

    assert [first[0], approved[0], admitted[0], late[0], again[0]] == [403, 200, 200, 422, 403]
    assert "confirm-rollout admitted template" in late[1]
    assert "the approval by ann was for template" in late[1]


def test_a_config_that_changes_asks_for_another_approval(ask: Ask, cluster: Cluster) -> None:
    ask(CONFIRM)
    ask(APPROVE, {"who": "ann"})
    cluster.patch(CONFIG_MAP, "test", "pages", config("two"))

    assert ask(CONFIRM)[0] == 403


def test_a_config_that_is_not_tracked_changes_nothing(ask: Ask, cluster: Cluster) -> None:
    untracked = {"metadata": {"annotations": {"flagger.app/config-tracking": "disabled"}}}
    cluster.patch(CONFIG_MAP, "test", "pages", untracked)
    ask(CONFIRM)
    ask(APPROVE, {"who": "ann"})
    cluster.patch(CONFIG_MAP, "test", "pages", config("two"))

    assert ask(CONFIRM)[0] == 200


@pytest.mark.parametrize(("status", "answers"), [(403, [403, 403]), (500, [503, 503]), (404, [403, 403])])
def test_a_config_that_cannot_be_read_counts_by_its_name(
    ask: Ask, api: ApiServer, status: int, answers: list[int]
) -> None:
    api.refuse("/configmaps/pages", status=status, times=2)

    assert [ask(CONFIRM)[0], ask(CONFIRM)[0]] == answers


def test_the_end_that_a_canary_shows_ends_the_release(ask: Ask, bench: Bench, cluster: Cluster) -> None:
    for _ in range(2):
        ask(CONFIRM)
        ask(APPROVE, {"who": "ann"})
    ask(PATH)
    put(cluster, canary(phase="Failed"))

    eventually(lambda: (bench.store.epochs.latest(AD) or pytest.fail("none")).ended)
    assert [run.cancel for run in bench.under_way()] == ["the release is over"]


def test_an_end_that_cannot_be_kept_is_logged(
    ask: Ask, bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(bench.service, "end_release", fail)
    ask(CONFIRM)
    ask("/hooks/post-rollout")

    eventually(lambda: "the end of the release of ad.test is not kept: away" in caplog.text)


def test_figures_show_when_canaries_were_last_seen(ask: Ask, client: FlaskClient) -> None:
    ask(CONFIRM)

    eventually(lambda: 'penstock_canaries_seen_timestamp_seconds{namespace="test"}' in client.get("/metrics").text)


TARGETS = [None, TargetRef("v1", "Pod", "ad"), TargetRef("", "Deployment", "gone"), TargetRef("", "DaemonSet", "ad")]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_without_a_template_has_no_name_for_it(bench: Bench, target: TargetRef | None) -> None:
    assert bench.listed is None
    assert Templates(ClusterApi()).find("test", target) == ""


def test_a_target_need_not_say_its_version(bench: Bench) -> None:
    assert bench.listed is None
    assert len(Templates(ClusterApi()).find("test", TargetRef("", "Deployment", "ad"))) == 12
