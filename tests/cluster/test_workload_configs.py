"""The ConfigMaps and Secrets of a release: each arm has its own, and a change of one is a new revision."""

import copy

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Kubelet
from tests.cluster.workload_objects import NAMESPACE, Owner, config_map, deployment
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, Manifest
from workflows.errors import ConfigurationError, TemporaryError
from workflows.rollout.traffic import Arm
from workflows.workloads.kubernetes.configs import Config, find_configs, use_copies

POD: Manifest = {
    "volumes": [
        {"name": "a", "configMap": {"name": "mounted"}},
        {"name": "b", "secret": {"secretName": "key"}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "projected"}}, {"secret": {"name": "cert"}}]}},
        {"name": "d", "emptyDir": {}},
    ],
    "initContainers": [{"name": "setup", "image": "setup:v1", "envFrom": [{"configMapRef": {"name": "setup"}}]}],
    "containers": [
        {
            "name": "ad",
            "image": "ad:v1",
            "env": [
                {"name": "PLAIN", "value": "1"},
                {"name": "LIMIT", "valueFrom": {"configMapKeyRef": {"name": "limits", "key": "limit"}}},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token", "optional": True}}},
            ],
            "envFrom": [{"secretRef": {"name": "all"}}],
        }
    ],
}
NAMED = {
    Config("configmap", "mounted"): True,
    Config("secret", "key"): True,
    Config("configmap", "projected"): True,
    Config("secret", "cert"): True,
    Config("configmap", "setup"): True,
    Config("configmap", "limits"): True,
    Config("secret", "token"): False,
    Config("secret", "all"): True,
}


def from_map(name: str, *, optional: bool = False) -> Manifest:
    """A pod that takes its environment from a ConfigMap."""
    reference = {"name": name} | ({"optional": True} if optional else {})
    return {"containers": [{"name": "ad", "image": "ad:v1", "envFrom": [{"configMapRef": reference}]}]}


def used_by(manifest: Manifest) -> str:
    name: str = manifest["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return name


@pytest.fixture
def owner(cluster: Cluster) -> Owner:
    owner = Owner(cluster)
    owner.set_config("settings", limit="1")
    owner.apply(DEPLOYMENT, deployment(pod=from_map("settings")))
    return owner


def test_configs_are_found_wherever_a_pod_names_them() -> None:
    assert dict(find_configs(POD)) == NAMED


def test_the_primarys_pod_names_the_copies_in_the_same_places() -> None:
    pod = deployment(pod=copy.deepcopy(POD))["spec"]["template"]["spec"]

    use_copies(pod, [Config("configmap", "mounted"), Config("secret", "key"), Config("secret", "all")])

    assert {config.name for config in find_configs(pod)} == {
        "mounted-primary", "key-primary", "all-primary", "projected", "cert", "setup", "limits", "token",
    }  # fmt: skip


def test_a_config_that_is_optional_in_one_place_and_needed_in_another_is_needed() -> None:
    containers = [*from_map("x", optional=True)["containers"], *from_map("x")["containers"]]

    assert find_configs({"containers": containers}) == {Config("configmap", "x"): True}


def test_the_primary_has_a_copy_of_its_own(owner: Owner) -> None:
    owner.workload.initialise()
    owner.set_config("settings", limit="2")

    assert owner.read(CONFIG_MAP, "settings-primary")["data"] == {"limit": "1"}
    assert used_by(owner.read(DEPLOYMENT, "ad-primary")) == "settings-primary"


def test_a_changed_config_is_a_new_revision_and_a_promotion_takes_it_over(owner: Owner) -> None:
    owner.workload.initialise()
    before = owner.workload.revision()
    owner.set_config("settings", limit="2")

    owner.workload.promote(owner.workload.revision())

    assert owner.workload.revision() != before
    assert owner.read(CONFIG_MAP, "settings-primary")["data"] == {"limit": "2"}


def test_what_was_taken_out_of_a_config_is_taken_out_of_the_copy(owner: Owner) -> None:
    owner.workload.initialise()
    owner.cluster.patch(CONFIG_MAP, NAMESPACE, "settings", {"data": None, "binaryData": {"x": "AA=="}})

    owner.workload.promote(owner.workload.revision())

    copied = owner.read(CONFIG_MAP, "settings-primary")
    assert (copied.get("data"), copied["binaryData"]) == (None, {"x": "AA=="})


def test_a_config_that_may_not_change_has_a_copy_that_may(owner: Owner) -> None:
    owner.cluster.patch(CONFIG_MAP, NAMESPACE, "settings", {"immutable": True})
    owner.workload.initialise()
    owner.cluster.delete(CONFIG_MAP, NAMESPACE, "settings")
    owner.set_config("settings", limit="2")

    owner.workload.promote(owner.workload.revision())

    assert owner.read(CONFIG_MAP, "settings-primary")["data"] == {"limit": "2"}


@pytest.mark.parametrize("annotation", ["flagger.app/config-tracking", "penstock.dev/config-tracking"])
def test_a_config_whose_owner_opts_out_is_shared_by_both_arms(cluster: Cluster, annotation: str) -> None:
    owner = Owner(cluster)
    owner.apply(CONFIG_MAP, config_map("settings", annotations={annotation: "disabled"}))
    owner.apply(DEPLOYMENT, deployment(pod=from_map("settings")))
    before = owner.workload.revision()

    owner.set_config("settings", limit="2")
    owner.workload.initialise()

    assert owner.workload.revision() == before
    assert used_by(owner.read(DEPLOYMENT, "ad-primary")) == "settings"


@pytest.mark.parametrize(("sort", "copied"), [("Opaque", True), ("kubernetes.io/dockerconfigjson", False)])
def test_of_secrets_only_those_that_people_write_are_copied(cluster: Cluster, sort: str, copied: bool) -> None:  # noqa: FBT001 - a row of the table
    owner = Owner(cluster)
    data = {"type": sort, "data": {".dockerconfigjson": "e30="}}
    owner.apply(SECRET, {"metadata": {"name": "all", "namespace": NAMESPACE}, **data})
    pod = {"containers": [{"name": "ad", "image": "ad:v1", "envFrom": [{"secretRef": {"name": "all"}}]}]}
    owner.apply(DEPLOYMENT, deployment(pod=pod))

    owner.workload.initialise()

    assert (cluster.get(SECRET, NAMESPACE, "all-primary") is not None) is copied


def test_an_optional_config_that_is_not_there_stays_as_it_is_written(cluster: Cluster) -> None:
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment(pod=from_map("later", optional=True)))
    owner.workload.initialise()
    before = owner.workload.revision()

    owner.set_config("later", limit="1")

    assert used_by(owner.read(DEPLOYMENT, "ad-primary")) == "later"
    assert owner.workload.revision() != before


def test_a_config_that_is_missing_from_the_start_is_named(cluster: Cluster) -> None:
    owner = Owner(cluster)
    owner.apply(DEPLOYMENT, deployment(pod=from_map("settings")))

    with pytest.raises(TemporaryError, match="ConfigMap settings: not found, and its pods need it"):
        owner.workload.initialise()


def test_a_config_deleted_in_mid_release_makes_the_canary_unready_and_another_revision(
    owner: Owner, kubelet: Kubelet
) -> None:
    owner.workload.initialise()
    revision = owner.workload.revision()
    owner.cluster.delete(CONFIG_MAP, NAMESPACE, "settings")
    kubelet.settle()

    readiness = owner.workload.readiness(Arm.CANARY)

    assert owner.workload.revision() != revision
    assert (readiness.ready, readiness.endpoints) == (False, 2)
    assert readiness.reason == "ConfigMap settings: not found, and its pods need it"
    with pytest.raises(TemporaryError, match="ConfigMap settings: not found"):
        owner.workload.promote(owner.workload.revision())


def test_a_config_of_somebody_else_is_never_overwritten(owner: Owner) -> None:
    owner.set_config("settings-primary", limit="precious")

    with pytest.raises(ConfigurationError, match="ConfigMap settings-primary in test: not made for a canary"):
        owner.workload.initialise()

    assert owner.read(CONFIG_MAP, "settings-primary")["data"] == {"limit": "precious"}


def test_running_canary_pods_are_restarted_when_only_a_config_changed(owner: Owner) -> None:
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=True)
    owner.set_config("settings", limit="2")
    revision = owner.workload.revision()

    owner.workload.scale(Arm.CANARY, up=True)

    template = owner.read(DEPLOYMENT, "ad")["spec"]["template"]
    assert template["metadata"]["annotations"].keys() == {"penstock.dev/configs"}
    assert owner.workload.revision() == revision


def test_canary_pods_that_start_from_zero_need_no_restart(owner: Owner, api: ApiServer) -> None:
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=False)
    owner.set_config("settings", limit="2")

    owner.workload.scale(Arm.CANARY, up=True)
    owner.workload.scale(Arm.CANARY, up=True)

    assert "annotations" not in owner.read(DEPLOYMENT, "ad")["spec"]["template"]["metadata"]
    assert sum(line.endswith("/deployments/ad") for line in api.writes) == 2


def test_what_restarted_the_canary_does_not_reach_the_primary(owner: Owner) -> None:
    owner.workload.initialise()
    owner.workload.scale(Arm.CANARY, up=True)
    owner.set_config("settings", limit="2")
    owner.workload.scale(Arm.CANARY, up=True)

    owner.workload.promote(owner.workload.revision())

    annotations = owner.read(DEPLOYMENT, "ad-primary")["spec"]["template"]["metadata"]["annotations"]
    assert annotations.keys() == {"penstock.dev/revision"}
