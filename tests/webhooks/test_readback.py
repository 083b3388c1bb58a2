"""Which hook calls are taken: by the Canary's spec, by a secret path, by where they come from."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.webhooks.bench import Bench
from tests.webhooks.cluster import Cluster
from webhooks.access import make_read_back
from webhooks.access.canaries import ClusterCanaries, FolderCanaries
from webhooks.access.cluster_api import ClusterApi
from webhooks.access.entries import read_canary
from webhooks.access.kept import Kept
from webhooks.access.readback import ReadBack
from webhooks.app import compose
from webhooks.errors import SettingsError
from webhooks.protocol import HookPayload, HookType
from webhooks.settings import Settings, VerifyMode, read_settings
from webhooks.store.records import CanaryName

KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"  # read from the environment at import
HOOKS = """
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: ad, namespace: weather}
spec:
  analysis:
    webhooks:
      - {name: tests, type: pre-rollout, url: http://penstock.weather/hooks/pre-rollout, metadata: {test: suite}}
      - {name: load, url: http://penstock.weather/hooks/rollout, metadata: {test: load}}
      - {name: roll back, type: rollback, url: http://penstock.weather/hooks/rollback}
      - {name: events, type: event, url: "http://penstock.weather/hooks/event", metadata: {room: "7"}}
      - {name: gate, type: confirm-promotion, url: http://penstock.weather/gate/check}
      - {name: secret, type: rollback, url: http://penstock.weather/s3cret/hooks/rollback}
      - {name: broken, type: rollback, url: "http://[broken"}
"""
SUITE = {"test": "suite"}
EVENT = {"eventMessage": "hello", "eventType": "Normal", "timestamp": "1", "room": "7"}

Open = Callable[..., FlaskClient]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "canaries"
    made.mkdir()
    (made / "canary.yaml").write_text(HOOKS + "---\nkind: Service\n---\n")
    (made / "broken.yaml").write_text("a: b: c")
    return made


@pytest.fixture
def opened(bench: Bench, folder: Path) -> Open:
    def make(**flags: str) -> FlaskClient:
        named = {name.replace("_", "-"): value for name, value in flags.items()}
        settings = read_settings({"verify-hooks": "enforce", "canaries": str(folder)} | named, {})
        return compose(bench.service, settings).test_client()

    return make


def call(client: FlaskClient, path: str, metadata: dict[str, str] | None = None, **changed: str) -> tuple[int, str]:
    body: dict[str, Any] = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "r2"}
    answer = client.post(path, json=body | ({"metadata": metadata} if metadata else {}) | changed)
    return answer.status_code, answer.text.strip()


CALLS = [
    ("/hooks/rollback", {}, {}, "no rollback of ad.weather was asked for"),
    ("/hooks/rollback", {}, {"name": "shop"}, "not verified: there is no Canary shop.weather"),
    ("/hooks/pre-rollout", {"test": "contract"}, {}, "not verified: Canary ad.weather lists this hook with other"),
    ("/hooks/pre-rollout", SUITE | {"who": "eve"}, {}, "not verified: Canary ad.weather lists this hook with other"),
    ("/hooks/confirm-rollout", {}, {}, "not verified: Canary ad.weather lists no hook of type confirm-rollout at"),
    ("/gate/halt", {}, {}, "not verified: Canary ad.weather lists no hook at this path"),
    ("/gate/check", {}, {}, "Forbidden"),
    ("/hooks/event", EVENT, {}, "kept"),
    ("/hooks/event", EVENT | {"room": "8"}, {}, "not verified: Canary ad.weather lists this hook with other metadata"),
]


@pytest.mark.parametrize(("path", "metadata", "changed", "text"), CALLS)
def test_only_what_the_canary_lists_is_taken(
    opened: Open, path: str, metadata: dict[str, str], changed: dict[str, str], text: str
) -> None:
    assert call(opened(), path, metadata, **changed)[1].startswith(text)


def test_a_call_that_is_not_listed_is_a_403_and_starts_nothing(opened: Open, bench: Bench) -> None:
    status, _ = call(opened(), "/hooks/pre-rollout", {"test": "contract"})

    assert (status, bench.under_way()) == (403, ())


def test_a_warning_lets_the_call_through(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    status, _ = call(opened(verify_hooks="warn"), "/hooks/rollback", name="shop")

    assert status == 403  # the gate's own answer
    assert "there is no Canary shop.weather" in caplog.text


def test_a_body_that_is_no_payload_is_told_by_the_hook(opened: Open) -> None:
    assert opened().post("/hooks/rollback", data=b"{").status_code == 400


def test_a_canary_that_is_changed_is_read_again(opened: Open, folder: Path) -> None:
    client = opened()
    before = call(client, "/hooks/pre-rollout", {"test": "contract"})
    (folder / "canary.yaml").write_text(HOOKS.replace("test: suite", "test: contract"))

    verified = (
        ReadBack(FolderCanaries(folder), lambda: 0.0)
        .verify(HookType.PRE_ROLLOUT, "/hooks/pre-rollout", HookPayload("ad", "weather", metadata={"test": "contract"}))
        .fault
    )

    assert (before[0], verified) == (403, "")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with Cluster() as made:
        monkeypatch.setattr(KUBECONFIG, made.write_config(tmp_path / "kubeconfig"))
        yield made


PHASES = [
    (HookType.CONFIRM_ROLLOUT, "Initialized Waiting Succeeded Failed"),
    (HookType.PRE_ROLLOUT, "Progressing"),
    (HookType.ROLLOUT, "Progressing WaitingPromotion"),
    (HookType.CONFIRM_TRAFFIC_INCREASE, "Progressing"),
    (HookType.CONFIRM_PROMOTION, "Progressing WaitingPromotion"),
    (HookType.POST_ROLLOUT, "Succeeded Failed"),
    (HookType.ROLLBACK, "Progressing Waiting WaitingPromotion"),
    (
        HookType.EVENT,
        "Initializing Initialized Waiting Progressing WaitingPromotion Promoting Finalising Succeeded Failed",
    ),
]


@pytest.mark.parametrize(("hook", "fitting"), PHASES, ids=lambda value: getattr(value, "value", ""))
def test_a_call_must_come_in_a_phase_in_which_flagger_makes_it(hook: HookType, fitting: str) -> None:
    entry = {"type": hook.value, "url": f"http://penstock/hooks/{hook.value}"}

    class Now:
        phase = ""

        def find(self, _: CanaryName) -> Any:
            return read_canary({"status": {"phase": self.phase}, "spec": {"canaryAnalysis": {"webhooks": [entry]}}})

    now = Now()
    taken = []
    for phase in PHASES[-1][1].split():
        now.phase = phase
        if not ReadBack(now, lambda: 0.0).verify(hook, f"/hooks/{hook.value}", HookPayload("ad", "weather")).fault:
            taken.append(phase)

    assert set(taken) == set(fitting.split())


ROLLBACK = (HookType.ROLLBACK, "/hooks/rollback", HookPayload("ad", "weather"))
LISTED = {
    "status": {"phase": "Progressing"},
    "spec": {"analysis": {"webhooks": [{"type": "rollback", "url": "http://penstock/hooks/rollback"}]}},
}


def test_a_canary_of_the_cluster_is_asked_for_once_in_ten_seconds(cluster: Cluster) -> None:
    cluster.canaries["weather/ad"] = LISTED
    now = [0.0]
    read_back = ReadBack(ClusterCanaries(ClusterApi()), lambda: now[0])

    faults = [read_back.verify(*ROLLBACK).fault for _ in range(5)]
    now[0] = 11.0
    read_back.verify(*ROLLBACK)

    assert (faults, len(cluster.asked)) == ([""] * 5, 2)


def test_before_a_refusal_the_canary_is_read_again(cluster: Cluster) -> None:
    cluster.canaries["weather/ad"] = LISTED | {"status": {"phase": "Succeeded"}}
    now = [0.0]
    read_back = ReadBack(ClusterCanaries(ClusterApi()), lambda: now[0])
    before = read_back.verify(*ROLLBACK).fault
    cluster.canaries["weather/ad"] = LISTED
    now[0] = 2.0

    assert "in phase Succeeded" in before
    assert read_back.verify(*ROLLBACK).fault == ""


def test_a_phase_that_has_just_changed_is_read_at_once(cluster: Cluster) -> None:
    cluster.canaries["weather/ad"] = LISTED | {"status": {"phase": "Succeeded"}}
    read_back = ReadBack(ClusterCanaries(ClusterApi()), lambda: 0.0)
    before = read_back.verify(*ROLLBACK).fault
    cluster.canaries["weather/ad"] = LISTED

    assert "in phase Succeeded" in before
    assert read_back.verify(*ROLLBACK).fault == ""


def test_forged_names_do_not_reach_the_cluster_more_than_once_a_second(cluster: Cluster) -> None:
    read_back = ReadBack(ClusterCanaries(ClusterApi()), lambda: 0.0)

    faults = {read_back.verify(*ROLLBACK).fault for _ in range(9)}

    assert (faults, len(cluster.asked)) == ({"there is no Canary ad.weather"}, 1)


@pytest.mark.parametrize(("mode", "status"), [("enforce", 503), ("warn", 403)])
def test_a_cluster_that_does_not_answer_is_trouble_when_enforced(
    bench: Bench, cluster: Cluster, mode: str, status: int
) -> None:
    cluster.broken = True
    client = compose(bench.service, Settings(verify_hooks=VerifyMode(mode))).test_client()

    assert call(client, "/hooks/rollback")[0] == status


def test_with_a_secret_prefix_only_its_paths_are_hooks(opened: Open) -> None:
    client = opened(path_prefix="/s3cret")

    assert call(client, "/s3cret/hooks/rollback")[1] == "no rollback of ad.weather was asked for"
    assert [call(client, path)[0] for path in ("/hooks/rollback", "/s3crex/hooks/rollback", "/s3cret0")] == [404] * 3
    assert client.get("/healthz").status_code == 200


SOURCES = [
    ("10.1.2.3", 200),
    ("::ffff:10.1.2.3", 200),
    ("192.168.0.1", 403),
    ("fd00::1", 200),
    ("", 403),
]


@pytest.mark.parametrize(("source", "status"), SOURCES)
def test_hooks_are_taken_from_their_networks(opened: Open, source: str, status: int) -> None:
    client = opened(verify_hooks="off", allow_from="10.0.0.0/8 fd00::/8")

    answer = client.post(
        "/hooks/event", data=json.dumps({"name": "ad", "namespace": "weather"}), environ_base={"REMOTE_ADDR": source}
    )

    assert answer.status_code == status


ODD = [None, [], {"spec": []}, {"spec": {"analysis": {"webhooks": "none"}}}, {"spec": {"analysis": {"webhooks": [7]}}}]


@pytest.mark.parametrize("document", ODD)
def test_a_document_that_is_no_canary_lists_nothing(document: object) -> None:
    assert read_canary(document).hooks == ()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"canaries: .*gone is not a folder"):
        make_read_back(Settings(verify_hooks=VerifyMode.ENFORCE, canaries=tmp_path / "gone"), lambda: 0.0)


def test_what_is_kept_is_bounded() -> None:
    kept: Kept[int] = Kept(lambda: 0.0, 10.0)
    for number in range(10_001):
        kept.get(str(number), lambda: 0)

    assert (kept.get("0", lambda: 1), kept.get("10000", lambda: 1)) == (1, 0)
