"""A Kubernetes cluster for tests.

How to use it, from any file tests/cluster/test_*.py:

- `cluster` is a `workflows.cluster.client.Cluster` as the administrator, connected through a written kubeconfig.
- `api` is the server behind it (api_server.ApiServer): `api.url`, `api.kubeconfig(folder, token)`, what was asked
  (`api.requests`, `api.writes`: lines as `PUT /apis/apps/v1/namespaces/test/deployments/ad`), and bad luck:
  `api.refuse("PUT", status=429, retry_after_s=1)`, `api.lose("POST")` (carried out, the answer is lost),
  `api.meanwhile("PUT", action)` (somebody writes first), `with api.away():`, `with api.slow(0.2):`,
  `with api.without(VIRTUAL_SERVICE):` (as if the CRD were not installed).
- `kubelet` plays nodes and controllers: `kubelet.settle()` brings statuses and endpoints up to date in the test's
  thread; `with kubelet.running():` does so all the time; `give("ad", Fate.STUCK)`, `ready_after("ad", 3)` decide.
- `account(rules)` makes a service account with just these RBAC rules and gives a Cluster that speaks for it.
- Namespaces `test` and `default` are there; everything in them is gone before the next test.
- Known kinds: resources.BUILT_IN, definitions._MINIMAL (a kind more is a row more).

By default `api` is the small server of this folder. `make test-cluster` runs the same tests, unchanged, against a real
API server; so make objects that a real one would take (it validates), and expect its defaults to be filled in. What
only the small one can do or takes has fixtures of its own: `small_api`, `small_cluster`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import accounts, definitions, mesh, registry
from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.kubelet import Kubelet
from tests.cluster.mesh import Mesh
from tests.cluster.real_server import RealServer, kubeconfig_of
from tests.cluster.releases import Stage
from tests.cluster.resources import DEFINITIONS, NAMESPACES, Manifest, Target
from tests.cluster.small_server import SmallServer
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect


@pytest.fixture(params=["small", pytest.param("real", marks=pytest.mark.cluster)])
def api(request: pytest.FixtureRequest) -> Iterator[ApiServer]:
    """A server with the kinds of the meshes, the namespace `test`, and nothing else."""
    if request.param == "small":
        yield request.getfixturevalue("small_api")
        return
    real = request.getfixturevalue("real_server")
    real.clean()
    with ApiServer(real, real.admin_token) as server:
        yield server


@pytest.fixture
def small_api() -> Iterator[ApiServer]:
    """The small server, for what only it can do."""
    small = SmallServer()
    for definition in definitions.minimal():
        registry.create(small.store, Target(DEFINITIONS, "v1"), definition)
    registry.create(small.store, Target(NAMESPACES, "v1"), {"metadata": {"name": "test"}})
    with ApiServer(small, small.admin_token) as server:
        yield server


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """The one real server of the session."""
    with kubeconfig_of(tmp_path_factory.mktemp("control-plane")) as kubeconfig:
        yield RealServer(kubeconfig)


@pytest.fixture
def cluster(api: ApiServer, tmp_path: Path) -> Cluster:
    """The administrator's client."""
    return connect(api.kubeconfig(tmp_path))


@pytest.fixture
def small_cluster(small_api: ApiServer, tmp_path: Path) -> Cluster:
    """The administrator's client of the small server, for objects that the projects' own CRDs refuse."""
    return connect(small_api.kubeconfig(tmp_path))


@pytest.fixture
def conversation(api: ApiServer) -> Conversation:
    """Plain HTTP, as the administrator."""
    return Conversation(api)


@pytest.fixture
def kubelet(cluster: Cluster) -> Kubelet:
    """The nodes and controllers."""
    return Kubelet(cluster)


@pytest.fixture
def account(api: ApiServer, cluster: Cluster, tmp_path: Path) -> Callable[[list[Manifest]], Cluster]:
    """Make a client for an account with just these rules in the namespace `test`."""
    return lambda rules: connect(api.kubeconfig(tmp_path, accounts.make(cluster, "test", rules)))


@pytest.fixture
def unreleased(api: ApiServer, cluster: Cluster, kubelet: Kubelet, tmp_path: Path) -> Iterator[Stage]:
    """The ad service in a cluster with a mesh: its Deployment at v1 and its Canary, and nothing done yet."""
    with mesh.serving(Mesh(cluster)) as served, kubelet.running():
        stage = Stage(cluster, api.kubeconfig(tmp_path), served.url)
        stage.set_up()
        yield stage


@pytest.fixture
def stage(unreleased: Stage) -> Stage:
    """The ad service with v1 as its primary."""
    assert unreleased.run() == 0
    return unreleased
