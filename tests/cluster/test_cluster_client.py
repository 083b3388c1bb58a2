"""The client: every call ends in time, what may pass is tried again, and refusals say what to do."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import manifests
from tests.cluster.api_server import ApiServer, Loss
from tests.cluster.resources import Manifest
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, LEASE, Kind
from workflows.errors import (
    ConfigurationError,
    ConflictError,
    PenstockError,
    TemporaryError,
    UnavailableError,
)

Account = Callable[[list[Manifest]], Cluster]

ROUTE = Kind("networking.istio.io/v1beta1", "VirtualService", "virtualservices")


@pytest.fixture
def hasty(api: ApiServer, tmp_path: Path) -> Cluster:
    """A client that gives up after half a second."""
    return connect(api.kubeconfig(tmp_path), patience_s=0.5)


def test_what_was_created_is_read_listed_patched_replaced_and_deleted(cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map(colour="blue"))
    cluster.patch(CONFIG_MAP, "test", "settings", {"data": {"colour": "red"}})
    found = cluster.get(CONFIG_MAP, "test", "settings")
    assert found is not None
    cluster.replace(CONFIG_MAP, {**found, "data": {"colour": "green"}})

    (listed,) = cluster.list(CONFIG_MAP, "test")

    assert (listed["data"], listed["kind"], listed["apiVersion"]) == ({"colour": "green"}, "ConfigMap", "v1")
    cluster.delete(CONFIG_MAP, "test", "settings")
    assert cluster.get(CONFIG_MAP, "test", "settings") is None


def test_what_is_gone_is_deleted_again_in_peace(cluster: Cluster) -> None:
    cluster.delete(CONFIG_MAP, "test", "settings")


def test_a_list_picks_by_labels(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENT, manifests.deployment("ad"))
    cluster.create(DEPLOYMENT, manifests.deployment("cart"))

    listed = cluster.list(DEPLOYMENT, "", "app=cart")

    assert [item["metadata"]["name"] for item in listed] == ["cart"]


def test_the_status_is_written_by_itself(cluster: Cluster) -> None:
    made = cluster.create(CANARY, manifests.canary())

    cluster.replace(CANARY, {**made, "spec": {}, "status": {"phase": "Initialized"}}, "status")
    kept = cluster.patch(CANARY, "test", "ad", {"status": {"canaryWeight": 20}}, "status")

    assert kept["status"] == {"phase": "Initialized", "canaryWeight": 20}
    assert kept["spec"] == made["spec"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(api: ApiServer, cluster: Cluster, status: int) -> None:
    api.refuse("GET", status=status)

    assert cluster.list(CONFIG_MAP, "test") == []
    assert len(api.requests) == 2


def test_a_server_that_asks_for_patience_is_given_it(api: ApiServer, cluster: Cluster) -> None:
    api.refuse("GET", status=429, retry_after_s=1)
    began = time.monotonic()

    cluster.list(CONFIG_MAP, "test")

    assert time.monotonic() - began >= 1


def test_patience_ends(api: ApiServer, hasty: Cluster) -> None:
    api.refuse("GET", status=503, times=100)

    with pytest.raises(UnavailableError, match="list configmaps in test: told to say 503"):
        hasty.list(CONFIG_MAP, "test")

    assert len(api.requests) == 2


def test_a_server_that_asks_for_more_patience_than_there_is_is_not_waited_for(api: ApiServer, hasty: Cluster) -> None:
    api.refuse("GET", status=429, retry_after_s=60)

    with pytest.raises(UnavailableError):
        hasty.list(CONFIG_MAP, "test")

    assert len(api.requests) == 1


def test_a_server_that_is_away_is_named_in_time(api: ApiServer, hasty: Cluster) -> None:
    began = time.monotonic()

    with api.away(), pytest.raises(UnavailableError, match=f"{api.url}: the API server does not answer"):
        hasty.get(CONFIG_MAP, "test", "settings")

    assert time.monotonic() - began < 5


def test_a_server_that_is_away_for_a_moment_is_waited_for(api: ApiServer, cluster: Cluster) -> None:
    api.lose("GET", loss=Loss.BEFORE, times=2)

    assert cluster.list(CONFIG_MAP, "test") == []


def test_a_server_that_takes_too_long_is_given_up(api: ApiServer, hasty: Cluster) -> None:
    with api.slow(2.0), pytest.raises(UnavailableError, match="does not answer"):
        hasty.list(CONFIG_MAP, "test")


def test_a_creation_whose_answer_was_lost_says_that_the_object_is_there(api: ApiServer, cluster: Cluster) -> None:
    api.lose("POST")

    with pytest.raises(ConflictError, match="already exists"):
        cluster.create(CONFIG_MAP, manifests.config_map())

    assert cluster.get(CONFIG_MAP, "test", "settings") is not None


def test_a_deletion_whose_answer_was_lost_is_a_deletion(api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())
    api.lose("DELETE")

    cluster.delete(CONFIG_MAP, "test", "settings")

    assert cluster.get(CONFIG_MAP, "test", "settings") is None


def test_a_write_on_an_old_version_is_a_conflict_and_is_not_tried_again(api: ApiServer, cluster: Cluster) -> None:
    old = cluster.create(LEASE, manifests.lease())
    cluster.replace(LEASE, {**old, "spec": {"holderIdentity": "them"}})

    with pytest.raises(ConflictError, match=r"replace Lease ad in test: .*the object has been modified"):
        cluster.replace(LEASE, old)

    assert len([line for line in api.writes if line.startswith("PUT")]) == 2


def test_a_kind_that_is_not_served_is_told_with_the_way_out(api: ApiServer, cluster: Cluster) -> None:
    calls: list[Callable[[], object]] = [
        lambda: cluster.get(ROUTE, "test", "ad"),
        lambda: cluster.list(ROUTE, "test"),
        lambda: cluster.create(ROUTE, manifests.route()),
        lambda: list(cluster.watch(ROUTE, "test", "ad", 1)),
    ]

    with api.without(ROUTE):
        for call in calls:
            with pytest.raises(ConfigurationError, match=r"does not serve VirtualService \(networking"):
                call()


def test_a_missing_namespace_is_told_with_the_way_out(cluster: Cluster) -> None:
    item = manifests.config_map()
    item["metadata"]["namespace"] = "nowhere"

    with pytest.raises(ConfigurationError, match='namespaces "nowhere" not found; make the namespace'):
        cluster.create(CONFIG_MAP, item)


def test_missing_rights_are_named(account: Account) -> None:
    reader = account([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}])

    assert reader.get(CONFIG_MAP, "test", "settings") is None
    with pytest.raises(ConfigurationError, match=r'cannot create resource "configmaps".*docs/rbac.md'):
        reader.create(CONFIG_MAP, manifests.config_map())


def test_a_token_that_is_not_accepted_is_told(api: ApiServer, tmp_path: Path) -> None:
    stranger = connect(api.kubeconfig(tmp_path, "stranger"))

    with pytest.raises(ConfigurationError, match="Unauthorized; the token or certificate"):
        stranger.list(CONFIG_MAP, "test")


def test_an_object_that_the_server_refuses_is_the_users_to_mend(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match=r"create ConfigMap Settings in test: .*is invalid"):
        cluster.create(CONFIG_MAP, manifests.config_map("Settings"))


def test_an_object_that_is_gone_is_a_reason_to_look_again(cluster: Cluster) -> None:
    with pytest.raises(TemporaryError, match="patch Canary ad in test"):
        cluster.patch(CANARY, "test", "ad", {"spec": {"suspend": True}})


def test_an_answer_that_is_no_object_is_shown(api: ApiServer, hasty: Cluster) -> None:
    api.refuse("GET", status=418)

    with pytest.raises(PenstockError, match="told to say 418"):
        hasty.list(CONFIG_MAP, "test")


def test_any_path_can_be_read_and_questions_posted(cluster: Cluster) -> None:
    attributes = {"namespace": "test", "verb": "get", "resource": "pods"}
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }

    answer = cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", question)

    assert answer["status"]["allowed"] is True
    assert cluster.read("/version")["major"] == "1"


def test_a_page_that_is_no_json_is_shown_as_it_is(cluster: Cluster) -> None:
    with pytest.raises(TemporaryError, match="read /nowhere: 404 page not found"):
        cluster.read("/nowhere")


def test_a_watch_gives_what_is_there_and_each_change_until_it_is_deleted(cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map(colour="blue"))
    seen = []

    for item in cluster.watch(CONFIG_MAP, "test", "settings", 10):
        seen.append(item["data"]["colour"])
        if len(seen) == 1:
            cluster.patch(CONFIG_MAP, "test", "settings", {"data": {"colour": "red"}})
        else:
            cluster.delete(CONFIG_MAP, "test", "settings")

    assert seen == ["blue", "red"]


def test_a_watch_that_is_left_leaves_nothing_behind(api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())
    watch = cluster.watch(CONFIG_MAP, "test", "settings", 10)

    next(watch)
    watch.close()  # type: ignore[attr-defined] # a generator, which its type does not say
    api.luck.seen.clear()
    cluster.create(CONFIG_MAP, manifests.config_map("other"))

    assert len(api.writes) == 1


def test_a_watch_ends_in_time(cluster: Cluster) -> None:
    began = time.monotonic()

    assert list(cluster.watch(CONFIG_MAP, "test", "settings", 1)) == []
    assert time.monotonic() - began < 5


def test_a_watch_that_breaks_says_so_or_ends(api: ApiServer, cluster: Cluster) -> None:
    cluster.create(CONFIG_MAP, manifests.config_map())
    watch = cluster.watch(CONFIG_MAP, "test", "settings", 10)
    next(watch)

    with api.away(), pytest.raises((UnavailableError, StopIteration)):
        next(watch)


def test_a_watch_may_be_refused(api: ApiServer, cluster: Cluster) -> None:
    api.refuse("GET", status=410)

    with pytest.raises(TemporaryError, match="watch ConfigMap settings"):
        list(cluster.watch(CONFIG_MAP, "test", "settings", 1))


def test_many_threads_share_one_client(cluster: Cluster) -> None:
    names = [f"settings-{number}" for number in range(12)]
    makers = [threading.Thread(target=cluster.create, args=(CONFIG_MAP, manifests.config_map(name))) for name in names]

    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(10)

    assert {item["metadata"]["name"] for item in cluster.list(CONFIG_MAP, "test")} == set(names)
