"""What our adapters rely on when they write objects; runs against the small server and against a real one."""

import pytest

from tests.cluster import manifests
from tests.cluster.conversation import Conversation
from tests.cluster.manifests import CANARIES, CONFIG_MAPS, DEPLOYMENTS, LEASES, ROUTES, config_map, deployment
from tests.cluster.resources import Manifest


def test_a_new_object_gets_an_identity_a_version_and_a_time(conversation: Conversation) -> None:
    made = conversation.post(DEPLOYMENTS, deployment())

    assert made.status == 201
    metadata = made.content["metadata"]
    assert metadata["generation"] == 1
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0


def test_a_deployment_is_kept_with_its_defaults(conversation: Conversation) -> None:
    made = conversation.post(DEPLOYMENTS, deployment(replicas=1))

    spec = made.content["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert spec["revisionHistoryLimit"] == 10
    assert spec["template"]["spec"]["restartPolicy"] == "Always"
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_a_service_is_given_an_address_and_keeps_it_when_it_is_replaced(conversation: Conversation) -> None:
    services = "/api/v1/namespaces/test/services"
    made = conversation.post(services, manifests.service())

    replaced = conversation.put(f"{services}/ad", manifests.service())

    assert made.content["spec"]["clusterIP"]
    assert made.content["spec"]["ports"][0]["protocol"] == "TCP"
    assert replaced.content["spec"]["clusterIP"] == made.content["spec"]["clusterIP"]


def test_texts_of_a_secret_are_kept_in_base64(conversation: Conversation) -> None:
    secret = {"metadata": {"name": "token"}, "stringData": {"address": "https://hooks.example"}}

    made = conversation.post("/api/v1/namespaces/test/secrets", secret)

    assert made.content["data"] == {"address": "aHR0cHM6Ly9ob29rcy5leGFtcGxl"}
    assert made.content["type"] == "Opaque"
    assert "stringData" not in made.content


def test_versions_rise_over_all_objects(conversation: Conversation) -> None:
    first = conversation.post(CONFIG_MAPS, config_map("first")).content
    second = conversation.post(CANARIES, manifests.canary()).content

    assert int(first["metadata"]["resourceVersion"]) < int(second["metadata"]["resourceVersion"])


def test_a_second_object_of_the_same_name_is_refused(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map())

    again = conversation.post(CONFIG_MAPS, config_map())

    assert (again.status, again.reason) == (409, "AlreadyExists")
    assert again.message == 'configmaps "settings" already exists'
    assert again.content["details"] == {"name": "settings", "kind": "configmaps"}


def test_a_name_is_made_where_only_its_beginning_is_given(conversation: Conversation) -> None:
    nameless = {"metadata": {"generateName": "ad-"}, "data": {}}

    names = {conversation.post(CONFIG_MAPS, nameless).content["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith("ad-") and len(name) == 8 for name in names)


@pytest.mark.parametrize("name", ["", "Ad", "ad_1", "-ad"])
def test_an_object_without_a_proper_name_is_refused(conversation: Conversation, name: str) -> None:
    made = conversation.post(CONFIG_MAPS, config_map(name))

    assert (made.status, made.reason) == (422, "Invalid")
    assert conversation.get(CONFIG_MAPS).content["items"] == []


def test_an_object_in_a_namespace_that_is_not_there_is_refused(conversation: Conversation) -> None:
    item = {"metadata": {"name": "settings"}}

    made = conversation.post("/api/v1/namespaces/nowhere/configmaps", item)

    assert made.status == 404
    assert made.message == 'namespaces "nowhere" not found'


def test_an_object_of_another_namespace_than_its_paths_is_refused(conversation: Conversation) -> None:
    made = conversation.post("/api/v1/namespaces/default/configmaps", config_map())

    assert made.status == 400
    assert "does not match the namespace" in made.message


def test_a_missing_object_is_told_by_name(conversation: Conversation) -> None:
    found = conversation.get(f"{CANARIES}/ad")

    assert (found.status, found.reason) == (404, "NotFound")
    assert found.message == 'canaries.flagger.app "ad" not found'
    assert found.content["details"] == {"name": "ad", "group": "flagger.app", "kind": "canaries"}


@pytest.mark.parametrize(
    "path",
    [
        "/apis/nobody.example/v1/namespaces/test/things",
        "/apis/flagger.app/v9/namespaces/test/canaries",
        "/apis/flagger.app/v1beta1/namespaces/test/things",
        "/nowhere",
    ],
)
def test_an_api_that_is_not_served_is_answered_by_a_plain_page(conversation: Conversation, path: str) -> None:
    found = conversation.get(path)

    assert (found.status, found.content) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    "path", ["/apis/apps/v9/deployments", "/apis/apps/v1/namespaces/test/things", "/api/v1/things"]
)
def test_a_part_of_a_built_in_group_that_is_not_served_is_told_without_a_name(
    conversation: Conversation, path: str
) -> None:
    found = conversation.get(path)

    assert (found.status, found.message) == (404, "the server could not find the requested resource")
    assert found.content["details"] == {}


def test_a_change_of_the_spec_counts_a_generation_and_one_of_labels_does_not(conversation: Conversation) -> None:
    conversation.post(DEPLOYMENTS, deployment())

    labelled = conversation.merge(f"{DEPLOYMENTS}/ad", {"metadata": {"labels": {"tier": "shop"}}})
    scaled = conversation.merge(f"{DEPLOYMENTS}/ad", {"spec": {"replicas": 5}})

    assert labelled.content["metadata"]["generation"] == 1
    assert scaled.content["metadata"]["generation"] == 2


def test_a_write_on_an_old_version_is_a_conflict(conversation: Conversation) -> None:
    old = conversation.post(ROUTES, manifests.route()).content
    conversation.put(f"{ROUTES}/ad", {**old, "spec": manifests.route(primary=80)["spec"]})

    late = conversation.put(f"{ROUTES}/ad", old)

    assert (late.status, late.reason) == (409, "Conflict")
    expected = 'Operation cannot be fulfilled on virtualservices.networking.istio.io "ad": the object has been modified'
    assert late.message.startswith(expected)


def test_a_patch_that_names_an_old_version_is_a_conflict(conversation: Conversation) -> None:
    old = conversation.post(CONFIG_MAPS, config_map()).content["metadata"]["resourceVersion"]
    conversation.merge(f"{CONFIG_MAPS}/settings", {"data": {"colour": "red"}})

    late = conversation.merge(
        f"{CONFIG_MAPS}/settings", {"metadata": {"resourceVersion": old}, "data": {"colour": "x"}}
    )

    assert (late.status, late.reason) == (409, "Conflict")


@pytest.mark.parametrize(("path", "item"), [(LEASES, manifests.lease()), (CANARIES, manifests.canary())])
def test_some_kinds_are_replaced_only_on_a_version(conversation: Conversation, path: str, item: Manifest) -> None:
    conversation.post(path, item)

    blind = conversation.put(f"{path}/ad", item)

    assert (blind.status, blind.reason) == (422, "Invalid")
    assert "must be specified for an update" in blind.message


def test_others_are_replaced_without_one(conversation: Conversation) -> None:
    conversation.post(CONFIG_MAPS, config_map())

    blind = conversation.put(f"{CONFIG_MAPS}/settings", config_map(colour="red"))

    assert (blind.status, blind.content["data"]) == (200, {"colour": "red"})


def test_a_write_that_changes_nothing_leaves_the_version(conversation: Conversation) -> None:
    made = conversation.post(DEPLOYMENTS, deployment()).content

    again = conversation.put(f"{DEPLOYMENTS}/ad", made)

    assert again.content["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


@pytest.mark.parametrize(("path", "item"), [(CONFIG_MAPS, config_map("ad")), (CANARIES, manifests.canary())])
def test_empty_labels_and_annotations_are_none(conversation: Conversation, path: str, item: Manifest) -> None:
    empty: Manifest = {"labels": {}, "annotations": {}, "ownerReferences": [], "finalizers": []}
    made = conversation.post(path, {**item, "metadata": {**item["metadata"], **empty}}).content

    assert not set(empty) & set(made["metadata"])


def test_an_object_cannot_be_renamed(conversation: Conversation) -> None:
    made = conversation.post(CONFIG_MAPS, config_map()).content

    renamed = conversation.put(f"{CONFIG_MAPS}/settings", {**made, "metadata": {**made["metadata"], "name": "other"}})

    assert renamed.status == 400
    assert renamed.message == "the name of the object (other) does not match the name on the URL (settings)"


def test_an_object_of_another_identity_is_not_replaced(conversation: Conversation) -> None:
    made = conversation.post(CONFIG_MAPS, config_map()).content
    stranger = {"name": "settings", "uid": "00000000-0000-0000-0000-000000000000"}

    replaced = conversation.put(f"{CONFIG_MAPS}/settings", {**made, "metadata": stranger})

    assert (replaced.status, replaced.reason) == (409, "Conflict")


def test_what_is_not_there_cannot_be_replaced_or_patched(conversation: Conversation) -> None:
    metadata = {"name": "ad", "namespace": "test", "resourceVersion": "1"}

    replaced = conversation.put(f"{CANARIES}/ad", {**manifests.canary(), "metadata": metadata})
    patched = conversation.merge(f"{CANARIES}/ad", {"spec": {"suspend": True}})

    assert [replaced.status, patched.status] == [404, 404]


def test_the_selector_of_a_deployment_stays(conversation: Conversation) -> None:
    made = conversation.post(DEPLOYMENTS, deployment()).content
    labels = {"app": "other"}
    spec = {**made["spec"], "selector": {"matchLabels": labels}, "template": {**made["spec"]["template"]}}
    spec["template"]["metadata"] = {"labels": labels}

    changed = conversation.put(f"{DEPLOYMENTS}/ad", {**made, "spec": spec})

    assert (changed.status, changed.reason) == (422, "Invalid")
    assert "field is immutable" in changed.message


def test_a_deployment_whose_selector_misses_its_pods_is_refused(conversation: Conversation) -> None:
    item = deployment()
    item["spec"]["selector"] = {"matchLabels": {"app": "other"}}

    made = conversation.post(DEPLOYMENTS, item)

    assert made.status == 422
    assert "`selector` does not match template `labels`" in made.message


def test_a_body_of_another_version_or_kind_than_its_path_is_refused(conversation: Conversation) -> None:
    other_version = {**deployment(), "apiVersion": "apps/v9"}
    other_kind = {**deployment(), "kind": "DaemonSet"}

    assert conversation.post(DEPLOYMENTS, other_version).status == 400
    assert conversation.post(DEPLOYMENTS, other_kind).status == 400


def test_a_custom_object_without_a_kind_is_refused(conversation: Conversation) -> None:
    nameless = {key: value for key, value in manifests.canary().items() if key != "kind"}

    made = conversation.post(CANARIES, nameless)

    assert made.status == 400
    assert "Object 'Kind' is missing" in made.message


def test_a_body_that_is_no_json_is_refused(conversation: Conversation) -> None:
    made = conversation.post(DEPLOYMENTS, "{")

    assert (made.status, made.reason) == (400, "BadRequest")
