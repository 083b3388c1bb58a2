"""Lists, selectors, watches and discovery, as our adapters rely on them; on the small server and on a real one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster import manifests
from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.manifests import CANARIES, CONFIG_MAPS, config_map
from tests.cluster.small_server import SmallServer


def label(conversation: Conversation, name: str, **labels: str) -> None:
    item = config_map(name)
    item["metadata"]["labels"] = labels
    assert conversation.post(CONFIG_MAPS, item).status == 201


def test_the_items_of_a_list_do_not_name_their_kind_but_where_it_is_custom(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map())
    conversation.post(CANARIES, manifests.canary())

    built_in, custom = conversation.get(CONFIG_MAPS).content, conversation.get(CANARIES).content

    assert (built_in["kind"], custom["kind"]) == ("ConfigMapList", "CanaryList")
    assert "kind" not in built_in["items"][0]
    assert custom["items"][0]["kind"] == "Canary"


def test_a_list_bears_the_version_up_to_which_it_is_true(conversation: Conversation) -> None:
    made = conversation.post(CONFIG_MAPS, config_map()).content

    listed = conversation.get(CONFIG_MAPS).content

    assert int(listed["metadata"]["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=ad", ["ad", "ad-v2"]),
        ("app==ad,version=2", ["ad-v2"]),
        ("app!=ad", ["cart", "plain"]),
        ("app in (ad, cart)", ["ad", "ad-v2", "cart"]),
        ("app notin (ad)", ["cart", "plain"]),
        ("version", ["ad-v2"]),
        ("app,!version", ["ad", "cart"]),
    ],
)
def test_a_label_selector_picks(conversation: Conversation, selector: str, names: list[str]) -> None:
    label(conversation, "ad", app="ad")
    label(conversation, "ad-v2", app="ad", version="2")
    label(conversation, "cart", app="cart")
    label(conversation, "plain")

    listed = conversation.get(f"{CONFIG_MAPS}?labelSelector={selector}").content

    assert [item["metadata"]["name"] for item in listed["items"]] == names


def test_a_field_selector_picks_by_name(conversation: Conversation) -> None:
    label(conversation, "ad")
    label(conversation, "cart")

    listed = conversation.get(f"{CONFIG_MAPS}?fieldSelector=metadata.name%3Dcart").content

    assert [item["metadata"]["name"] for item in listed["items"]] == ["cart"]


def test_a_field_selector_picks_events_by_what_they_are_about(conversation: Conversation) -> None:
    for number, about in enumerate(("ad", "cart")):
        event = {
            "metadata": {"name": f"event-{number}"},
            "involvedObject": {"kind": "Canary", "namespace": "test", "name": about},
            "reason": "Synced",
            "type": "Normal",
        }
        assert conversation.post("/api/v1/namespaces/test/events", event).status == 201

    query = "fieldSelector=involvedObject.name%3Dad,involvedObject.kind%3DCanary"
    listed = conversation.get(f"/api/v1/namespaces/test/events?{query}").content

    assert [item["metadata"]["name"] for item in listed["items"]] == ["event-0"]


def test_an_event_about_another_namespace_is_refused(conversation: Conversation) -> None:
    event = {"metadata": {"name": "event"}, "involvedObject": {"kind": "Canary", "namespace": "default"}}

    made = conversation.post("/api/v1/namespaces/test/events", event)

    assert made.status == 422
    assert "does not match event.namespace" in made.message


@pytest.mark.parametrize("query", ["labelSelector=app%3D%3D%3D", "fieldSelector=spec.colour%3Dred"])
def test_a_selector_that_cannot_be_followed_is_refused(conversation: Conversation, query: str) -> None:
    assert conversation.get(f"{CONFIG_MAPS}?{query}").status == 400


def test_objects_of_all_namespaces_are_listed_without_one(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map())
    elsewhere = {"metadata": {"name": "settings"}}
    conversation.post("/api/v1/namespaces/default/configmaps", elsewhere)

    listed = conversation.get("/api/v1/configmaps?fieldSelector=metadata.name%3Dsettings").content

    assert [item["metadata"]["namespace"] for item in listed["items"]] == ["default", "test"]


def test_a_watch_tells_what_is_there_and_what_comes(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map("first"))
    version = conversation.get(CONFIG_MAPS).content["metadata"]["resourceVersion"]
    conversation.post(CONFIG_MAPS, config_map("second"))
    conversation.merge(f"{CONFIG_MAPS}/second", {"data": {"colour": "red"}})
    conversation.delete(f"{CONFIG_MAPS}/second")

    now = conversation.watch(CONFIG_MAPS, "fieldSelector=metadata.name%3Dfirst")
    later = conversation.watch(CONFIG_MAPS, f"resourceVersion={version}")

    assert [(event["type"], event["object"]["metadata"]["name"]) for event in now] == [("ADDED", "first")]
    assert [event["type"] for event in later] == ["ADDED", "MODIFIED", "DELETED"]
    assert later[1]["object"]["data"] == {"colour": "red"}
    assert later[1]["object"]["kind"] == "ConfigMap"


def test_what_leaves_a_watched_selection_is_told_as_deleted(conversation: Conversation) -> None:
    label(conversation, "ad", app="ad")
    version = conversation.get(CONFIG_MAPS).content["metadata"]["resourceVersion"]
    conversation.merge(f"{CONFIG_MAPS}/ad", {"metadata": {"labels": {"app": "cart"}}})
    conversation.merge(f"{CONFIG_MAPS}/ad", {"metadata": {"labels": {"app": "ad"}}})

    events = conversation.watch(CONFIG_MAPS, f"resourceVersion={version}&labelSelector=app%3Dad")

    assert [event["type"] for event in events] == ["DELETED", "ADDED"]


def test_discovery_tells_what_is_served(conversation: Conversation) -> None:
    version, groups = conversation.get("/version").content, conversation.get("/apis").content["groups"]
    canaries = conversation.get("/apis/flagger.app/v1beta1").content["resources"]

    assert version["major"] == "1"
    assert {"apps", "flagger.app", "networking.istio.io"} <= {group["name"] for group in groups}
    named = {entry["name"]: entry["namespaced"] for entry in canaries}
    assert named["canaries"]
    assert "canaries/status" in named


def test_kubectl_reads_what_is_there(api: ApiServer, conversation: Conversation, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on the PATH")
    conversation.post(CANARIES, manifests.canary())

    command = [kubectl, "--kubeconfig", str(api.kubeconfig(tmp_path)), "--cache-dir", str(tmp_path), "-n", "test"]
    shown = subprocess.run([*command, "get", "canaries,configmaps", "-o", "name"], capture_output=True, check=True)

    assert b"canary.flagger.app/ad\n" in shown.stdout


def test_a_watch_from_too_long_ago_is_told_so(small_api: ApiServer) -> None:
    conversation = Conversation(small_api)
    version = conversation.get(CONFIG_MAPS).content["metadata"]["resourceVersion"]
    conversation.post(CONFIG_MAPS, config_map())
    assert isinstance(small_api.backend, SmallServer)
    small_api.backend.store.compact()

    (event,) = conversation.watch(CONFIG_MAPS, f"resourceVersion={version}")

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_watch_that_wants_bookmarks_ends_with_one(small_api: ApiServer) -> None:
    conversation = Conversation(small_api)
    made = conversation.post(CONFIG_MAPS, config_map()).content

    *_, last = conversation.watch(CONFIG_MAPS, "allowWatchBookmarks=true")

    assert last["type"] == "BOOKMARK"
    assert last["object"]["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
