"""Play the nodes and controllers that a bare API server lacks: pods become ready, services get their endpoints.

The rule to keep: it reads and writes through the client alone, so it plays for the small server and for a real one.
"""

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import DAEMON_SET, DEPLOYMENT, ENDPOINT_SLICE, SERVICE, Kind, Manifest
from workflows.errors import TemporaryError

_ROUNDS = 20
_PAUSE_S = 0.02
_NODES = 2
_SERVICE_NAME = "kubernetes.io/service-name"


class Fate(Enum):
    """What becomes of a workload's pods."""

    READY = "they run"
    STUCK = "they never become ready"
    OVERDUE = "they never become ready, and the progress deadline is over"
    CRASHED = "they were ready and are no longer"


class Kubelet:
    """Brings each workload to what its fate says, when told to `settle` or while `running`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._fates: dict[str, Fate] = {}
        self._waits: dict[str, int] = {}

    def give(self, name: str, fate: Fate) -> None:
        """Decide what becomes of a workload's pods from now on."""
        self._fates[name] = fate

    def ready_after(self, name: str, settlements: int) -> None:
        """Let a workload's pods become ready only at this settlement from now (1: the next)."""
        self._waits[name] = settlements

    def settle(self) -> None:
        """Bring everything up to date, as if some time had passed."""
        self._waits = {name: left - 1 for name, left in self._waits.items()}
        for _ in range(_ROUNDS):
            try:
                if not self._step():
                    return
            except TemporaryError:  # Somebody wrote in between: look again.
                continue
        raise AssertionError("the cluster never comes to rest: who keeps writing?")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Settle again and again in a thread of its own."""
        done = threading.Event()
        thread = threading.Thread(target=self._run, args=(done,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(10)

    def _run(self, done: threading.Event) -> None:
        while not done.wait(_PAUSE_S):
            try:
                self._step()
            except TemporaryError:
                continue

    def _step(self) -> bool:
        changed = False
        workloads: list[Manifest] = []
        for kind in (DEPLOYMENT, DAEMON_SET):
            for item in self._cluster.list(kind, ""):
                status = self._status(kind, item)
                if status != item.get("status"):
                    self._cluster.replace(kind, {**item, "status": status}, "status")
                    changed = True
                workloads.append({**item, "status": status})
        return self._serve(workloads) or changed

    def _status(self, kind: Kind, item: Manifest) -> Manifest:
        name, waiting = item["metadata"]["name"], self._waits.get(item["metadata"]["name"], 0) > 0
        fate = Fate.STUCK if waiting else self._fates.get(name, Fate.READY)
        return deployment_status(item, fate) if kind is DEPLOYMENT else daemon_set_status(item, fate)

    def _serve(self, workloads: list[Manifest]) -> bool:
        changed = False
        slices = {
            (item["metadata"]["namespace"], item["metadata"]["name"]): item
            for item in self._cluster.list(ENDPOINT_SLICE, "", f"{_SERVICE_NAME}")
        }
        for service in self._cluster.list(SERVICE, ""):
            wanted = endpoint_slice(service, workloads)
            if wanted is None:
                continue
            found = slices.get((wanted["metadata"]["namespace"], wanted["metadata"]["name"]))
            changed = self._write_slice(found, wanted) or changed
        return changed

    def _write_slice(self, found: Manifest | None, wanted: Manifest) -> bool:
        if found is None:
            self._cluster.create(ENDPOINT_SLICE, wanted)
            return True
        if (found.get("endpoints") or []) == wanted["endpoints"]:
            return False
        self._cluster.replace(ENDPOINT_SLICE, {**found, "endpoints": wanted["endpoints"]})
        return True


def deployment_status(item: Manifest, fate: Fate) -> Manifest:
    """The status of a Deployment whose pods have come to a fate."""
    replicas = item["spec"].get("replicas", 1)
    ready = replicas if fate is Fate.READY else 0
    status = copy.deepcopy(item.get("status") or {})
    enough = ready >= replicas
    progressing = {
        Fate.OVERDUE: ("False", "ProgressDeadlineExceeded"),
        Fate.STUCK: ("True", "ReplicaSetUpdated"),
    }.get(fate, ("True", "NewReplicaSetAvailable"))
    available = ("True", "MinimumReplicasAvailable") if enough else ("False", "MinimumReplicasUnavailable")
    conditions = [_condition(status, "Available", *available), _condition(status, "Progressing", *progressing)]
    counts = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready}
    counts["unavailableReplicas"] = replicas - ready
    generation = item["metadata"].get("generation", 1)
    # The real server leaves out what is zero.
    return {"observedGeneration": generation, **{k: v for k, v in counts.items() if v}, "conditions": conditions}


def daemon_set_status(item: Manifest, fate: Fate) -> Manifest:
    """The status of a DaemonSet; one that asks for special nodes finds none."""
    desired = 0 if item["spec"]["template"]["spec"].get("nodeSelector") else _NODES
    ready = desired if fate is Fate.READY else 0
    counts = {"numberReady": ready, "currentNumberScheduled": desired, "desiredNumberScheduled": desired}
    optional = {"updatedNumberScheduled": desired, "numberAvailable": ready, "numberUnavailable": desired - ready}
    return {
        "observedGeneration": item["metadata"].get("generation", 1),
        "numberMisscheduled": 0,
        **counts,
        **{key: value for key, value in optional.items() if value},
    }


def endpoint_slice(service: Manifest, workloads: list[Manifest]) -> Manifest | None:
    """The endpoints of a service among the pods of these workloads, None for a service that selects nothing."""
    selector, metadata = service["spec"].get("selector"), service["metadata"]
    if not selector:
        return None
    ports = [{"name": port.get("name", ""), "port": port["port"]} for port in service["spec"].get("ports") or ()]
    return {
        "metadata": {
            "name": f"{metadata['name']}-pods",
            "namespace": metadata["namespace"],
            "labels": {_SERVICE_NAME: metadata["name"]},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Service", "name": metadata["name"], "uid": metadata["uid"]}
            ],
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}} for address in _addresses(service, workloads)
        ],
        "ports": ports,
    }


def _addresses(service: Manifest, workloads: list[Manifest]) -> list[str]:
    namespace, selector = service["metadata"]["namespace"], service["spec"]["selector"]
    found = []
    for number, workload in enumerate(workloads):
        labels = workload["spec"]["template"]["metadata"].get("labels") or {}
        if workload["metadata"]["namespace"] == namespace and selector.items() <= labels.items():
            status = workload["status"]
            ready = status.get("readyReplicas", status.get("numberReady", 0))
            found += [f"10.1.{number}.{pod + 1}" for pod in range(ready)]
    return found


def _condition(status: Manifest, kind: str, said: str, reason: str) -> Manifest:
    for condition in status.get("conditions") or ():
        if (condition["type"], condition["status"], condition["reason"]) == (kind, said, reason):
            return dict(condition)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "type": kind,
        "status": said,
        "reason": reason,
        "message": "",
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
