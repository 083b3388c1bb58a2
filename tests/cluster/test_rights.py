"""The whole story under an account that has just the rights of the table, and no right that nothing used."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import accounts, manifests, mesh
from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.mesh import Mesh
from tests.cluster.releases import Stage, canary
from tests.cluster.resources import Manifest
from workflows import canary as canaries
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes import istio
from workflows.wiring.rights import Part, list_rights, write_rules

_LINE = re.compile(r"(\w+) /apis?/(?:([\w.-]+)/)?v\w+/namespaces/test/(\w+)(?:/([\w.-]+))?(?:/(\w+))?(\?.*)?$")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def plan_of(document: Manifest) -> RolloutPlan:
    return canaries.parse(str(document).replace("True", "true"), "canary")


@pytest.fixture
def served(cluster: Cluster, kubelet: Kubelet) -> Iterator[str]:
    with mesh.serving(Mesh(cluster)) as served, kubelet.running():
        yield served.url


def prepare(cluster: Cluster) -> None:
    """Let the service and a rule of it be there before us, and let the pods use a ConfigMap and a Secret."""
    cluster.create(SERVICE, manifests.service())
    rule = {"metadata": {"name": "ad-primary", "namespace": "test"}, "spec": {"host": "elsewhere"}}
    cluster.create(istio.DESTINATION_RULE, rule)
    for kind in (CONFIG_MAP, SECRET):
        cluster.create(kind, {"metadata": {"name": "settings", "namespace": "test"}, "data": {"key": "dmFsdWU="}})
    found = cluster.get(DEPLOYMENT, "test", "ad")
    assert found
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "settings"}}]
    found["spec"]["template"]["spec"]["containers"][0]["envFrom"] = sources
    cluster.replace(DEPLOYMENT, found)


def used(lines: list[str]) -> set[tuple[str, str, str]]:
    """Read group, resource and verb out of requests to namespaced objects."""
    found = set()
    for line in lines:
        match = _LINE.match(line)
        if match:
            method, group, resource, name, subresource, query = match.groups()
            read = "get" if name else "watch" if "watch=1" in (query or "") else "list"
            whole = f"{resource}/{subresource}" if subresource else resource
            found.add((group or "", whole, _VERBS.get(method, read)))
    return found


def granted(rules: list[Manifest]) -> set[tuple[str, str, str]]:
    return {(rule["apiGroups"][0], rule["resources"][0], verb) for rule in rules for verb in rule["verbs"]}


def test_a_release_needs_the_rights_of_the_table_and_uses_each(
    api: ApiServer, cluster: Cluster, kubelet: Kubelet, served: str, tmp_path: Path
) -> None:
    administrator = Stage(cluster, api.kubeconfig(tmp_path), served)
    administrator.set_up(progressDeadlineSeconds=2)
    prepare(cluster)
    rules = write_rules(list_rights(plan_of(canary()), Part.RELEASE))
    limited = Stage(cluster, api.kubeconfig(tmp_path, accounts.make(cluster, "test", rules)), served)

    codes = [limited.run()]
    for version in ("v2", "v3", "v4"):
        if version == "v4":
            kubelet.give("ad", Fate.STUCK)
        administrator.set_image(version)
        cluster.patch(SECRET, "test", "settings", {"data": {"key": f"{version}=="}})
        codes.append(limited.run())

    assert codes == [0, 0, 10, 13]
    assert granted(rules) - used(api.requests) == set()


def test_a_right_that_is_missing_is_named_before_anything_moves(
    api: ApiServer, cluster: Cluster, served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    administrator = Stage(cluster, api.kubeconfig(tmp_path), served)
    administrator.set_up()
    assert administrator.run() == 0
    administrator.set_image("v2")
    rules = write_rules(right for right in list_rights(plan_of(canary()), Part.RELEASE) if right.kind.kind != "Lease")
    limited = Stage(cluster, api.kubeconfig(tmp_path, accounts.make(cluster, "test", rules)), served)

    assert limited.run() == 78

    assert "leases" in capsys.readouterr().err
    assert mesh.weights(cluster)["ad-primary"] == 100
