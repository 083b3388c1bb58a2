"""Who asks and what they may do; on the small server and on a real one."""

from tests.cluster import accounts, manifests
from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.manifests import CANARIES, DEPLOYMENTS, deployment
from tests.cluster.resources import Manifest
from workflows.cluster.client import Cluster

READER = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]


def speaker(api: ApiServer, cluster: Cluster, rules: list[Manifest]) -> Conversation:
    return Conversation(api, accounts.make(cluster, "test", rules))


def test_who_shows_no_valid_token_is_not_known(api: ApiServer) -> None:
    answer = Conversation(api, "stranger").get(DEPLOYMENTS)

    assert (answer.status, answer.reason, answer.message) == (401, "Unauthorized", "Unauthorized")


def test_an_account_does_what_its_role_allows_and_no_more(api: ApiServer, cluster: Cluster) -> None:
    reader = speaker(api, cluster, READER)

    assert reader.get(DEPLOYMENTS).status == 200
    refused = reader.post(DEPLOYMENTS, deployment())
    assert (refused.status, refused.reason) == (403, "Forbidden")
    said = 'cannot create resource "deployments" in API group "apps" in the namespace "test"'
    assert said in refused.message
    assert refused.message.startswith('deployments.apps is forbidden: User "system:serviceaccount:test:account-')


def test_a_right_in_one_namespace_is_none_in_another_or_in_all(api: ApiServer, cluster: Cluster) -> None:
    reader = speaker(api, cluster, READER)

    elsewhere, everywhere = (reader.get(f"/apis/apps/v1{path}deployments") for path in ("/namespaces/default/", "/"))

    assert [elsewhere.status, everywhere.status] == [403, 403]
    assert everywhere.message.endswith('cannot list resource "deployments" in API group "apps" at the cluster scope')


def test_a_right_to_one_name_is_none_to_another(api: ApiServer, cluster: Cluster) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": ["ad"]}
    reader = speaker(api, cluster, [rule])

    assert reader.get(f"{DEPLOYMENTS}/ad").status == 404
    assert reader.get(f"{DEPLOYMENTS}/cart").status == 403


def test_the_status_needs_a_right_of_its_own(api: ApiServer, cluster: Cluster, conversation: Conversation) -> None:
    conversation.post(CANARIES, manifests.canary())
    rule = {"apiGroups": ["flagger.app"], "resources": ["canaries/status"], "verbs": ["patch"]}
    writer = speaker(api, cluster, [rule])

    assert writer.merge(f"{CANARIES}/ad/status", {"status": {"phase": "Failed"}}).status == 200
    assert writer.merge(f"{CANARIES}/ad", {"spec": {"suspend": True}}).status == 403


def test_an_account_can_ask_what_it_may_do(api: ApiServer, cluster: Cluster) -> None:
    # Everybody on a real server may ask; here, who has a right at all.
    reviews = {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]}
    reader = speaker(api, cluster, [*READER, reviews])

    answers = [reader.post(f"/apis/authorization.k8s.io/v1/{_SELF}", _question(verb)) for verb in ("get", "delete")]

    assert [answer.status for answer in answers] == [201, 201]
    assert [answer.content["status"]["allowed"] for answer in answers] == [True, False]


_SELF = "selfsubjectaccessreviews"


def _question(verb: str) -> Manifest:
    attributes = {"namespace": "test", "verb": verb, "group": "apps", "resource": "deployments"}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


def test_the_administrator_can_ask_what_others_may_do(conversation: Conversation) -> None:
    question = {**_question("get"), "kind": "SubjectAccessReview"}
    question["spec"]["user"] = "system:serviceaccount:test:nobody"

    answer = conversation.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", question)

    assert answer.content["status"]["allowed"] is False


def test_the_administrator_can_ask_whose_a_token_is(conversation: Conversation, cluster: Cluster) -> None:
    token = accounts.make(cluster, "test", READER)
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}

    known, unknown = (
        conversation.post("/apis/authentication.k8s.io/v1/tokenreviews", {**question, "spec": {"token": given}}).content
        for given in (token, "stranger")
    )

    assert known["status"]["authenticated"]
    assert known["status"]["user"]["username"].startswith("system:serviceaccount:test:account-")
    assert not unknown["status"].get("authenticated")
