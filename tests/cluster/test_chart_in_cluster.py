"""What the chart renders, taken by a real API server; its accounts may do what they must and no more."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart import restricted
from tests.chart.charts import CHART, NAMESPACE, VALUES, Manifest, helm, named, needs_helm, render_file
from tests.cluster.accounts import ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.real_server import RealServer
from tests.cluster.test_hook_readback import KUBECONFIG
from webhooks.access.reviews import ClusterAuthority
from webhooks.access.scopes import Need, Scope
from workflows.cluster.connection import connect
from workflows.cluster.kinds import CONFIG_MAP, DEPLOYMENT, POD, SECRET, SERVICE, Kind

pytestmark = [needs_helm, pytest.mark.cluster]
RBAC = "rbac.authorization.k8s.io/v1"
CLUSTER_ROLE, CLUSTER_ROLE_BINDING = (
    Kind(RBAC, "ClusterRole", "clusterroles"),
    Kind(RBAC, "ClusterRoleBinding", "clusterrolebindings"),
)
KINDS = {
    kind.kind: kind
    for kind in (
        *(CONFIG_MAP, DEPLOYMENT, POD, SECRET, SERVICE, SERVICE_ACCOUNT),
        *(ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING),
        Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
        Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    )
}
INSTALLED = "installed"
RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


@pytest.fixture
def api(real_server: RealServer) -> Iterator[ApiServer]:
    real_server.clean()
    with ApiServer(real_server, real_server.admin_token) as server:
        yield server


@pytest.fixture
def namespaces(conversation: Conversation) -> None:
    """Make the namespaces of the values; in that of the release the profile restricted is in force."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    for name in (NAMESPACE, "weather", "shop"):
        body = {"metadata": {"name": name, "labels": labels if name == NAMESPACE else {}}}
        assert conversation.post("/api/v1/namespaces", body).status in {201, 409}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("values", VALUES, ids=named)
def test_the_api_server_takes_every_object(values: Path, conversation: Conversation) -> None:
    known = [each for each in render_file(values, operator=False) if each["kind"] in KINDS]
    assert len(known) > 5
    for each in known:
        create(conversation, each, "?dryRun=All&fieldValidation=Strict")


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("values", VALUES, ids=named)
def test_the_profile_restricted_of_the_server_judges_as_ours_does(values: Path, conversation: Conversation) -> None:
    for deployment in (each for each in render_file(values, operator=False) if each["kind"] == "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        account = {"metadata": {"name": spec["serviceAccountName"], "namespace": NAMESPACE}}
        path = SERVICE_ACCOUNT.path(NAMESPACE)
        assert conversation.post(path, account).status in {201, 409}
        pod = {**deployment["spec"]["template"], "metadata": {"name": "tried", "namespace": NAMESPACE}}
        pod["spec"] = {**spec, "priorityClassName": ""}

        reply = conversation.post(f"{POD.path(NAMESPACE)}?dryRun=All&fieldValidation=Strict", pod)

        refused = reply.status == 403 and "violates PodSecurity" in reply.message
        assert refused == bool(restricted.faults(spec)), reply.content
        assert refused or reply.status == 201, reply.content


@pytest.mark.usefixtures("namespaces")
def test_accounts_may_do_what_they_must_and_no_more(
    api: ApiServer, conversation: Conversation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = next(path for path in VALUES if named(path) == "default")
    for each in (one for kind in RIGHTS for one in render_file(default) if one["kind"] == kind):
        create(conversation, each)
    server, runner = (token_of(conversation, name) for name in ("penstock-server", "penstock-runner"))
    monkeypatch.setattr(KUBECONFIG, str(api.kubeconfig(tmp_path, server)))

    authority = ClusterAuthority(time.time)
    asked = [authority.admit(runner, Need(scope)) for scope in (Scope.RUNNER, Scope.READ, Scope.APPROVE)]

    assert [each and each.allowed for each in asked] == [True, False, False]
    connect(api.kubeconfig(tmp_path, server)).list(Kind("flagger.app/v1beta1", "Canary", "canaries"), "")


def test_a_release_is_installed_upgraded_and_removed_but_for_its_volume(
    api: ApiServer, conversation: Conversation, tmp_path: Path
) -> None:
    where = [f"--kubeconfig={api.kubeconfig(tmp_path)}", f"--namespace={INSTALLED}"]
    values = {named(path): f"--values={path}" for path in VALUES}

    done = [helm("install", "penstock", str(CHART), *where, "--create-namespace", values["default"])]
    done += [helm("upgrade", "penstock", str(CHART), *where, values[name]) for name in ("ha-postgresql", "default")]
    done.append(helm("uninstall", "penstock", *where))
    done += [helm("install", "penstock", str(CHART), *where), helm("uninstall", "penstock", *where)]

    assert [each.returncode for each in done] == [0] * 6, [each.stderr for each in done]
    assert "There is no ServiceMonitor" in done[0].stdout
    claims = conversation.get(KINDS["PersistentVolumeClaim"].path(INSTALLED)).content["items"]
    assert [each["metadata"]["name"] for each in claims] == ["penstock-data"]
    assert conversation.get(DEPLOYMENT.path(INSTALLED)).content["items"] == []


def create(conversation: Conversation, wanted: Manifest, query: str = "") -> None:
    path = KINDS[wanted["kind"]].path(wanted["metadata"].get("namespace", ""))
    reply = conversation.post(path + query, wanted)
    assert reply.status == 201, reply.content


def token_of(conversation: Conversation, account: str) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    return str(conversation.post(SERVICE_ACCOUNT.path(NAMESPACE, account, "token"), request).content["status"]["token"])
