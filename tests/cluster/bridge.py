"""Let the local platform be the nodes and the mesh of a cluster: its processes are the pods, its Envoy is the sidecar.

The rule to keep: decisions come from the cluster's objects alone; what runs here is told back as their status.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubelet import Fate, Kubelet
from tests.cluster.resources import Manifest
from tests.local_traffic import deployment
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DEPLOYMENT, Kind
from workflows.cluster.refusals import NotServedError
from workflows.errors import TemporaryError
from workflows.local.platform import LocalPlatform
from workflows.rollout.traffic import Arm, Route
from workflows.routers.envoy import EnvoyRouter
from workflows.workloads.processes import ProcessWorkload

ROUTE = Kind("networking.istio.io/v1beta1", "VirtualService", "virtualservices")
_PAUSE_S = 0.2
_FAREWELL_S = 10.0


class Bridge:
    """Bring the platform to what the Deployments and the VirtualService of one name say."""

    def __init__(self, cluster: Cluster, platform: LocalPlatform, namespace: str, name: str) -> None:
        self._cluster = cluster
        self._platform = platform
        self._place = (namespace, name)
        self._kubelet = Kubelet(cluster)
        self._workload = ProcessWorkload(platform.directory, SystemClock())
        self._router = EnvoyRouter(platform.directory)
        self._versions = {"target": "v1", "primary": "v1"}
        self._adopted = False
        self.percents: list[int] = []
        """The shares of the canary, one after the other."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do so all the time, in a thread."""
        done = threading.Event()
        thread = threading.Thread(target=self._run, args=(done,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(_FAREWELL_S)

    def _run(self, done: threading.Event) -> None:
        while not done.wait(_PAUSE_S):
            try:
                self._step()
                self._kubelet.settle()
            except (TemporaryError, NotServedError):
                continue

    def _step(self) -> None:
        namespace, name = self._place
        target = self._cluster.get(DEPLOYMENT, namespace, name)
        primary = self._cluster.get(DEPLOYMENT, namespace, f"{name}-primary")
        if target and primary:
            self._follow(target, primary)
        if route := self._cluster.get(ROUTE, namespace, name):
            self._shift(_canary_percent(route, f"{name}-canary"))

    def _follow(self, target: Manifest, primary: Manifest) -> None:
        if not self._adopted:
            self._workload.initialise()
            self._adopted = True
        if (version := _version(target)) != self._versions["target"]:
            self._platform.apply(deployment(version))
            self._versions["target"] = version
        up = target["spec"]["replicas"] > 0
        self._workload.scale(Arm.CANARY, up=up)
        if (version := _version(primary)) != self._versions["primary"]:
            self._workload.promote(self._workload.revision())
            self._versions["primary"] = version
        for item, arm in ((target, Arm.CANARY), (primary, Arm.PRIMARY)):
            ready = self._workload.readiness(arm).ready
            self._kubelet.give(item["metadata"]["name"], Fate.READY if ready else Fate.STUCK)

    def _shift(self, percent: int) -> None:
        if self._router.read().canary_percent != percent:
            self._router.shift(Route(percent))
            self.percents.append(percent)


def _version(item: Manifest) -> str:
    return str(item["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


def _canary_percent(route: Manifest, host: str) -> int:
    arms = route["spec"]["http"][0]["route"]
    return sum(arm.get("weight", 0) for arm in arms if arm["destination"]["host"] == host)
