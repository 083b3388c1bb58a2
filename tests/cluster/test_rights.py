"""Each part under an account that has just the rights of its table, and no right that nothing used."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cluster import accounts, manifests, mesh
from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.mesh import Mesh
from tests.cluster.releases import Stage, canary
from tests.cluster.resources import Manifest
from tests.cluster.workload_objects import autoscaler
from workflows import canary as canaries
from workflows.cli import main
from workflows.clocks import MemoryClock, SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import AUTOSCALER, CANARY, CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE
from workflows.exposition import ReleaseCollector
from workflows.rollout.plan import RolloutPlan
from workflows.routers.kubernetes import istio
from workflows.watchdog import LOOK_EVERY, Beat, ClusterWatchdog
from workflows.wiring.rights import Part, list_rights, write_rules

_LINE = re.compile(r"(\w+) /apis?/(?:([\w.-]+)/)?v\w+/namespaces/test/(\w+)(?:/([\w.-]+))?(?:/(\w+))?(\?.*)?$")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


HPA = {"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "name": "ad"}


def plan_of(document: Manifest) -> RolloutPlan:
    return canaries.parse(str(document).replace("True", "true"), "canary")


SCALED = plan_of(canary(autoscalerRef=HPA))


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
    container = {**found["spec"]["template"]["spec"]["containers"][0], "envFrom": sources}
    cluster.patch(DEPLOYMENT, "test", "ad", {"spec": {"template": {"spec": {"containers": [container]}}}})


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


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody whose account has just the rights of some parts."""

    api: ApiServer
    token: str
    kubeconfig: Path

    def give(self, *words: str) -> int:
        """Run a command under the account."""
        return main([*words, "-n", "test", "--kubeconfig", str(self.kubeconfig)])

    def unused(self, *parts: Part) -> set[tuple[str, str, str]]:
        """Tell which rights of some parts the account made no use of."""
        seen = self.api.luck.seen
        asked = [
            f"{each.method} {each.target}" for each in seen if each.headers["authorization"] == f"Bearer {self.token}"
        ]
        rights = (right for part in parts for right in list_rights(SCALED, part))
        return granted(write_rules(rights)) - used(asked)


@pytest.fixture
def hire(api: ApiServer, cluster: Cluster, tmp_path: Path) -> Callable[..., Employee]:
    def hire(*parts: Part) -> Employee:
        rules = write_rules(right for part in parts for right in list_rights(SCALED, part))
        token = accounts.make(cluster, "test", rules)
        return Employee(api, token, api.kubeconfig(tmp_path, token))

    return hire


@pytest.fixture
def stage(api: ApiServer, cluster: Cluster, served: str, tmp_path: Path) -> Stage:
    """The administrator's stage, with everything that asks for a right."""
    stage = Stage(cluster, api.kubeconfig(tmp_path), served)
    stage.set_up(autoscalerRef=HPA, progressDeadlineSeconds=2)
    cluster.create(AUTOSCALER, autoscaler())
    prepare(cluster)
    return stage


def begin(stage: Stage) -> None:
    """Begin to release v2."""
    assert stage.run() == 0
    stage.set_image("v2")
    assert stage.stage("start") == 0


def test_a_release_needs_the_rights_of_the_table_and_uses_each(
    stage: Stage, kubelet: Kubelet, hire: Callable[..., Employee]
) -> None:
    employee = hire(Part.RELEASE)
    limited = Stage(stage.cluster, employee.kubeconfig, stage.prometheus)

    codes = [limited.run()]
    for version in ("v2", "v3", "v4"):
        if version == "v4":
            kubelet.give("ad", Fate.STUCK)
        stage.set_image(version)
        stage.cluster.patch(SECRET, "test", "settings", {"data": {"key": f"{version}=="}})
        codes.append(limited.run())

    assert codes == [0, 0, 10, 13]
    assert employee.unused(Part.RELEASE) == set()


def test_a_watchdog_needs_the_rights_of_its_table(stage: Stage, hire: Callable[..., Employee]) -> None:
    begin(stage)
    employee, clock = hire(Part.RELEASE, Part.WATCHDOG), MemoryClock(SystemClock().now())
    cluster = connect(employee.kubeconfig)
    watchdog = ClusterWatchdog(cluster, Beat(("test",), "test"), clock)

    for _ in range(45):
        watchdog.look()
        clock.sleep(LOOK_EVERY)
    watchdog.rest(timedelta(minutes=1))
    shown = list(ReleaseCollector(cluster, ["test"]).collect())

    assert (stage.status()["phase"], bool(shown)) == ("Failed", True)
    assert employee.unused(Part.WATCHDOG) == set()


def test_who_waits_needs_the_rights_of_the_table(stage: Stage, hire: Callable[..., Employee]) -> None:
    begin(stage)
    employee = hire(Part.WAIT)

    codes = [employee.give("wait", "canary/ad", "--timeout", "1s"), employee.give("stage", "status", "--canary", "ad")]

    assert codes == [75, 0]
    assert employee.unused(Part.WAIT) == set()


def test_who_asks_for_the_verdict_needs_the_rights_of_the_table(stage: Stage, hire: Callable[..., Employee]) -> None:
    begin(stage)
    employee = hire(Part.VERDICT)

    code = employee.give("verdict", "--canary", "ad")

    assert code == 11
    assert employee.unused(Part.VERDICT) == set()


def test_who_gives_orders_needs_the_rights_of_the_table(stage: Stage, hire: Callable[..., Employee]) -> None:
    begin(stage)
    employee = hire(Part.ORDER)

    codes = [employee.give(word, "canary/ad") for word in ("pause", "resume", "promote", "abort")]
    assert stage.stage("rollback") == 10
    codes.append(employee.give("retry", "canary/ad"))

    assert codes == [0] * 5
    assert employee.unused(Part.ORDER) == set()


def test_who_reverts_needs_the_rights_of_the_table(stage: Stage, hire: Callable[..., Employee]) -> None:
    assert stage.run() == 0
    employee = hire(Part.RELEASE, Part.REVERT)

    assert employee.give("revert", "canary/ad") == 0

    assert employee.unused(Part.REVERT) == set()


@pytest.mark.usefixtures("stage")
def test_who_adopts_needs_the_rights_of_the_table(cluster: Cluster, hire: Callable[..., Employee]) -> None:
    status = {"phase": "Succeeded", "lastAppliedSpec": "5978589476", "canaryWeight": 0}
    cluster.patch(CANARY, "test", "ad", {"status": status}, "status")
    employee = hire(Part.ADOPT)

    codes = [employee.give(word, "canary/ad") for word in ("adopt", "hand-back")]

    assert codes == [0, 0]
    assert employee.unused(Part.ADOPT) == set()


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
