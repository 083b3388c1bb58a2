"""The webhook service and its runner under accounts that have just the rights of their tables."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import accounts, manifests
from tests.cluster.api_server import ApiServer
from tests.cluster.resources import Manifest
from tests.cluster.test_hook_readback import AD, KUBECONFIG, Watched, eventually
from tests.cluster.test_hook_readback import canary as listing
from tests.cluster.test_rights import SCALED, granted, used
from webhooks.access.cluster_api import ClusterApi
from webhooks.access.entries import TargetRef
from webhooks.access.templates import Templates
from webhooks.checks.cluster.api import JobApi
from webhooks.errors import ClusterError
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, SECRET
from workflows.wiring.rights import Part, list_rights, write_rules

TARGET = TargetRef("apps/v1", "Deployment", "ad")


@pytest.fixture
def become(
    api: ApiServer, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Part], Callable[[], set[tuple[str, str, str]]]]:
    """Let this process be an account with the rights of a part; what it gives tells which were not used."""

    def become(part: Part) -> Callable[[], set[tuple[str, str, str]]]:
        rules = write_rules(list_rights(SCALED, part))
        token = accounts.make(cluster, "test", rules)
        for name in (KUBECONFIG, "kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION"):
            monkeypatch.setattr(name, str(api.kubeconfig(tmp_path, token)))

        def unused() -> set[tuple[str, str, str]]:
            ours = [each for each in api.luck.seen if each.headers["authorization"] == f"Bearer {token}"]
            return granted(rules) - used([f"{each.method} {each.target}" for each in ours])

        return unused

    return become


@pytest.fixture
def deployed(cluster: Cluster) -> Manifest:
    """A target whose pods use a ConfigMap and a Secret."""
    for kind in (CONFIG_MAP, SECRET):
        cluster.create(kind, {"metadata": {"name": "settings", "namespace": "test"}, "data": {"key": "dmFsdWU="}})
    target = manifests.deployment()
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "settings"}}]
    target["spec"]["template"]["spec"]["containers"][0]["envFrom"] = sources
    return cluster.create(DEPLOYMENT, target)


@pytest.fixture
def watched(deployed: Manifest, cluster: Cluster, become: Callable[..., object]) -> Iterator[tuple[Watched, object]]:
    assert deployed["metadata"]["name"] == TARGET.name
    cluster.create(CANARY, listing())
    unused = become(Part.READ_BACK)
    made = Watched()
    yield made, unused
    made.watch.close()


def test_verifying_hooks_needs_the_rights_of_the_table_and_uses_each(
    watched: tuple[Watched, Callable[[], set[tuple[str, str, str]]]],
) -> None:
    verifier, unused = watched

    verifier.verify()
    eventually(lambda: verifier.watch.recall(AD))
    template = Templates(ClusterApi()).find("test", TARGET)

    assert len(template) == 12
    eventually(lambda: unused() == set())


def test_tests_as_jobs_need_the_rights_of_the_table_and_use_each(become: Callable[..., object]) -> None:
    unused = become(Part.JOBS)
    container = {"name": "test", "image": "penstock"}
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run"}, "spec": {"template": {"spec": pod}}}
    api = JobApi("test")

    made = api.create(job)
    reason, found = api.failure("run"), api.find_pod("run")
    with contextlib.suppress(ClusterError):  # no node runs the pod, so that there is no output
        list(api.follow_log("run-x", 1))
    api.delete("run")

    assert (made, reason, found) == (True, "", None)
    assert callable(unused)
    assert unused() == set()
