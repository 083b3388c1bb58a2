"""Whose an object is: what is made is marked and goes with its canary, what others made is not overwritten."""

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.workload_objects import NAMESPACE, Owner, deployment, plan
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, DEPLOYMENT, Manifest
from workflows.errors import ConfigurationError


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment())
    return owner


def test_marks_by_which_tools_prune_their_own_do_not_come_along(owner: Owner) -> None:
    manifest = deployment()
    manifest["metadata"] |= {
        "labels": {
            "app": "ad",
            "team": "web",
            "app.kubernetes.io/instance": "weather",
            "kustomize.toolkit.fluxcd.io/name": "x",
        },
        "annotations": {"argocd.argoproj.io/tracking-id": "weather:apps/Deployment:test/ad", "owner": "web"},
    }
    owner.cluster.delete(DEPLOYMENT, NAMESPACE, "ad")
    owner.apply(DEPLOYMENT, manifest)

    owner.workload.initialise()

    metadata = owner.read(DEPLOYMENT, "ad-primary")["metadata"]
    assert metadata["labels"] == {"app": "ad-primary", "team": "web"}
    assert metadata["annotations"] == {"owner": "web", "penstock.dev/canary": "ad", "penstock.dev/fence": "1"}


def canary_object(cluster: Cluster) -> Manifest:
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ad"},
        "service": {"port": 80},
        "analysis": {"interval": "1m", "threshold": 1, "stepWeight": 50},
    }
    metadata = {"name": "ad", "namespace": NAMESPACE}
    return cluster.create(
        CANARY, {"apiVersion": CANARY.api_version, "kind": "Canary", "metadata": metadata, "spec": spec}
    )


def test_what_is_made_goes_with_the_canary(owner: Owner) -> None:
    uid = canary_object(owner.cluster)["metadata"]["uid"]

    owner.workload.initialise()

    (reference,) = owner.read(DEPLOYMENT, "ad-primary")["metadata"]["ownerReferences"]
    owner.workload.promote(owner.release("ad:v2"))

    assert owner.read(DEPLOYMENT, "ad-primary")["metadata"]["ownerReferences"] == [reference]
    assert (reference["kind"], reference["name"], reference["uid"], reference["controller"]) == (
        "Canary",
        "ad",
        uid,
        True,
    )


def test_without_the_canary_crd_nothing_is_owned_and_all_else_works(owner: Owner, api: ApiServer) -> None:
    with api.without(CANARY):
        owner.workload.initialise()

    assert "ownerReferences" not in owner.read(DEPLOYMENT, "ad-primary")["metadata"]


def test_a_primary_made_by_flagger_is_taken_over_as_it_is(owner: Owner) -> None:
    made = deployment("ad:v0")
    made["metadata"] |= {
        "name": "ad-primary",
        "ownerReferences": [
            {
                "apiVersion": CANARY.api_version,
                "kind": "Canary",
                "name": "ad",
                "uid": canary_object(owner.cluster)["metadata"]["uid"],
            }
        ],
    }
    made["spec"]["selector"]["matchLabels"] = made["spec"]["template"]["metadata"]["labels"] = {"app": "ad-primary"}
    before = owner.apply(DEPLOYMENT, made)

    owner.workload.initialise()

    assert owner.read(DEPLOYMENT, "ad-primary") == before


def test_two_canaries_on_one_target_are_refused(owner: Owner) -> None:
    owner.workload.initialise()
    other = Owner(owner.cluster, plan(name="other"))

    with pytest.raises(ConfigurationError, match="made for canary ad, not for other; let each canary have a target"):
        other.workload.initialise()


def test_a_deployment_that_only_has_the_primarys_name_is_not_overwritten(owner: Owner) -> None:
    stranger = deployment("stranger:v1")
    stranger["metadata"]["name"] = "ad-primary"
    owner.apply(DEPLOYMENT, stranger)

    with pytest.raises(
        ConfigurationError, match=r"not made for a canary.*hand it over with the annotation penstock.dev/canary: ad"
    ):
        owner.workload.initialise()
