"""Status, scale, patches and deletion, as our adapters rely on them; on the small server and on a real one."""

import pytest

from tests.cluster import manifests
from tests.cluster.conversation import Conversation
from tests.cluster.manifests import CANARIES, CONFIG_MAPS, DEPLOYMENTS, config_map, deployment
from tests.cluster.resources import Manifest
from tests.local_traffic import eventually


def test_a_write_to_the_status_changes_nothing_else(conversation: Conversation) -> None:
    made = conversation.post(CANARIES, manifests.canary()).content

    change = {"spec": {"suspend": True}, "status": {"phase": "Progressing", "canaryWeight": 20}}
    written = conversation.merge(f"{CANARIES}/ad/status", change).content

    assert written["status"] == {"phase": "Progressing", "canaryWeight": 20}
    assert written["spec"] == made["spec"]
    assert written["metadata"]["generation"] == 1
    assert written["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]


def test_a_write_to_the_object_leaves_the_status(conversation: Conversation) -> None:
    conversation.post(CANARIES, {**manifests.canary(), "status": {"phase": "Failed"}})
    kept = conversation.merge(f"{CANARIES}/ad/status", {"status": {"phase": "Initialized"}}).content

    changed = conversation.put(f"{CANARIES}/ad", {**kept, "status": {"phase": "Failed"}})

    assert changed.content["status"]["phase"] == "Initialized"


def test_a_status_on_an_old_version_is_a_conflict(conversation: Conversation) -> None:
    old = conversation.post(DEPLOYMENTS, deployment()).content
    conversation.merge(f"{DEPLOYMENTS}/ad", {"spec": {"replicas": 3}})

    late = conversation.put(f"{DEPLOYMENTS}/ad/status", {**old, "status": {"replicas": 2}})

    assert (late.status, late.reason) == (409, "Conflict")


def test_a_kind_without_a_status_of_its_own_has_no_such_part(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map())

    assert conversation.get(f"{CONFIG_MAPS}/settings/status").status == 404


def test_replicas_can_be_read_and_set_by_the_scale(conversation: Conversation) -> None:
    conversation.post(DEPLOYMENTS, deployment())

    before = conversation.get(f"{DEPLOYMENTS}/ad/scale").content
    conversation.merge(f"{DEPLOYMENTS}/ad/scale", {"spec": {"replicas": 0}})

    assert (before["kind"], before["spec"]["replicas"]) == ("Scale", 2)
    assert before["status"]["selector"] == "app=ad"
    assert conversation.get(f"{DEPLOYMENTS}/ad").content["spec"]["replicas"] == 0


def test_a_merge_patch_removes_what_is_null_and_replaces_lists(conversation: Conversation) -> None:
    conversation.post(CANARIES, manifests.canary())

    conversation.merge(f"{CANARIES}/ad", {"spec": {"analysis": {"webhooks": [_hook("a"), _hook("b")]}}})
    change = {"spec": {"analysis": {"maxWeight": None, "webhooks": [_hook("c")]}}}
    analysis = conversation.merge(f"{CANARIES}/ad", change).content["spec"]["analysis"]

    assert "maxWeight" not in analysis
    assert [hook["name"] for hook in analysis["webhooks"]] == ["c"]


def _hook(name: str) -> Manifest:
    return {"name": name, "url": "http://hooks.test/"}


def test_a_json_patch_is_carried_out_in_order(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map(colour="blue"))
    operations = [
        {"op": "test", "path": "/data/colour", "value": "blue"},
        {"op": "add", "path": "/data/a~1b", "value": "1"},
        {"op": "copy", "from": "/data/colour", "path": "/data/paint"},
        {"op": "move", "from": "/data/a~1b", "path": "/data/c"},
        {"op": "replace", "path": "/data/colour", "value": "red"},
        {"op": "remove", "path": "/data/paint"},
    ]

    patched = conversation.ask("PATCH", f"{CONFIG_MAPS}/settings", operations, "application/json-patch+json")

    assert patched.content["data"] == {"colour": "red", "c": "1"}


def test_a_json_patch_whose_test_fails_changes_nothing(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map(colour="blue"))
    operations = [
        {"op": "replace", "path": "/data/colour", "value": "red"},
        {"op": "test", "path": "/data/colour", "value": "green"},
    ]

    patched = conversation.ask("PATCH", f"{CONFIG_MAPS}/settings", operations, "application/json-patch+json")

    assert patched.status in (400, 422)
    assert conversation.get(f"{CONFIG_MAPS}/settings").content["data"] == {"colour": "blue"}


def test_a_patch_of_a_kind_that_is_not_taken_is_refused(conversation: Conversation) -> None:
    conversation.post(CANARIES, manifests.canary())

    patched = conversation.ask("PATCH", f"{CANARIES}/ad", {}, "application/strategic-merge-patch+json")

    assert (patched.status, patched.reason) == (415, "UnsupportedMediaType")


def test_a_deleted_object_is_gone(conversation: Conversation) -> None:
    made = conversation.post(CONFIG_MAPS, config_map()).content

    gone = conversation.delete(f"{CONFIG_MAPS}/settings")

    assert (gone.status, gone.content["status"]) == (200, "Success")
    assert gone.content["details"]["uid"] == made["metadata"]["uid"]
    assert conversation.get(f"{CONFIG_MAPS}/settings").status == 404
    assert conversation.delete(f"{CONFIG_MAPS}/settings").status == 404


def test_an_object_is_deleted_only_in_the_version_that_is_named(conversation: Conversation) -> None:
    made = conversation.post(CONFIG_MAPS, config_map()).content
    conversation.merge(f"{CONFIG_MAPS}/settings", {"data": {"colour": "red"}})

    options = {"preconditions": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    late = conversation.delete(f"{CONFIG_MAPS}/settings", options)

    assert (late.status, late.reason) == (409, "Conflict")


def test_a_finalizer_holds_an_object_until_it_is_taken_away(conversation: Conversation) -> None:
    canary = manifests.canary()
    canary["metadata"]["finalizers"] = ["finalizer.test/hold"]
    conversation.post(CANARIES, canary)

    marked = conversation.delete(f"{CANARIES}/ad").content
    held = conversation.get(f"{CANARIES}/ad").content
    conversation.merge(f"{CANARIES}/ad", {"metadata": {"finalizers": None}})

    assert marked["kind"] == "Canary"
    assert held["metadata"]["deletionTimestamp"]
    assert conversation.get(f"{CANARIES}/ad").status == 404


@pytest.mark.parametrize(("policy", "left"), [("Background", 404), ("Orphan", 200)])
def test_what_an_object_owns_goes_with_it_unless_it_is_orphaned(
    conversation: Conversation, policy: str, left: int
) -> None:
    owner = conversation.post(CANARIES, manifests.canary()).content
    _own(conversation, owner, "child")

    conversation.delete(f"{CANARIES}/ad", {"propagationPolicy": policy})

    eventually(lambda: conversation.get(f"{CANARIES}/ad").status == 404)
    eventually(lambda: conversation.get(f"{CONFIG_MAPS}/child").status == left)


def test_what_has_another_owner_stays(conversation: Conversation) -> None:
    first = conversation.post(CANARIES, manifests.canary("first")).content
    second = conversation.post(CANARIES, manifests.canary("second")).content
    _own(conversation, first, "both", second)

    conversation.delete(f"{CANARIES}/first")

    eventually(lambda: len(conversation.get(f"{CONFIG_MAPS}/both").content["metadata"]["ownerReferences"]) == 1)


def _own(conversation: Conversation, owner: Manifest, name: str, *others: Manifest) -> None:
    references = [
        {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "name": item["metadata"]["name"],
            "uid": item["metadata"]["uid"],
        }
        for item in (owner, *others)
    ]
    child = config_map(name)
    child["metadata"]["ownerReferences"] = references
    assert conversation.post(CONFIG_MAPS, child).status == 201


def test_all_objects_that_a_selector_picks_are_deleted_at_once(conversation: Conversation) -> None:
    for name, colour in (("one", "red"), ("two", "red"), ("three", "blue")):
        item = config_map(name)
        item["metadata"]["labels"] = {"colour": colour}
        conversation.post(CONFIG_MAPS, item)

    conversation.delete(f"{CONFIG_MAPS}?labelSelector=colour%3Dred")

    assert [item["metadata"]["name"] for item in conversation.get(CONFIG_MAPS).content["items"]] == ["three"]


def test_a_dry_run_keeps_nothing(conversation: Conversation) -> None:
    made = conversation.post(f"{CONFIG_MAPS}?dryRun=All", config_map())

    assert made.status == 201
    assert conversation.get(f"{CONFIG_MAPS}/settings").status == 404
