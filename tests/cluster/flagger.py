"""The real Flagger, and the stage on which it plays: cluster, platform, our webhook service, users."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests
import yaml

from tests.cluster.bridge import Bridge
from tests.cluster.resources import Manifest
from tests.local_traffic import deployment
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, DEPLOYMENT
from workflows.local.child import Child, Order
from workflows.local.hookservice import HookService, ServiceOrder
from workflows.local.platform import Start, start
from workflows.local.users import UserTraffic

BINARY = Path(__file__).parents[2] / "build" / "flagger"
NAMESPACE, NAME = "weather", "ad"
USERS_PER_SECOND = 60.0
_GRACE_S = 10.0
_LOOK_S = 0.5
_ANSWER_WITHIN_S = 5.0

_CATALOG = {
    "port": 3003,
    "tests": {
        # Longer than the hook's timeout and than a tick of Flagger's.
        "long-suite": {
            "kind": "command",
            "argv": [sys.executable, "-c", "import threading; threading.Event().wait(12)"],
            "timeout": "60s",
        },
        "ad-load": {
            "kind": "load",
            "plan": {"mode": "open", "rate": 10, "requests": [{"name": "ad", "path": "/ad"}]},
            "thresholds": ["http_req_failed: rate<0.05"],
            "inconclusive": "pass",
        },
    },
}


@dataclass
class Stage:
    """What a story may do and look at."""

    cluster: Cluster
    kubeconfig: Path
    service: HookService
    users: UserTraffic
    bridge: Bridge
    flagger: "Flagger"

    def set_image(self, version: str) -> None:
        """As a user does it."""
        self.kubectl("set", "image", f"deployment/{NAME}", f"{NAME}=ad-service:{version}")

    def kubectl(self, *words: str) -> str:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), "-n", NAMESPACE, *words]
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout

    @property
    def status(self) -> Manifest:
        found = self.cluster.get(CANARY, NAMESPACE, NAME) or {}
        return dict(found.get("status") or {})

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def told(self) -> list[str]:
        """What happened, in order, as our service tells it: Flagger's events, our tests and gates.

        Flagger's client keeps only the first 25 Events of a Canary, and then one in five minutes.
        """
        url = f"http://{self.service.address}/api/v1/canaries/{NAMESPACE}/{NAME}/timeline?limit=200"
        moments = requests.get(url, timeout=_ANSWER_WITHIN_S).json()["moments"]
        return [str(moment["text"]) for moment in reversed(moments)]

    def describe(self) -> str:
        return self.kubectl("describe", "canary", NAME)

    def await_phase(self, phase: str, within_s: float) -> None:
        self._await(lambda: self.phase == phase, f"phase {phase}", within_s)

    def await_event(self, words: str, within_s: float) -> None:
        self._await(lambda: any(words in said for said in self.told), f"an event {words!r}", within_s)

    def _await(self, holds: Callable[[], bool], what: str, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                said = "\n".join([*self.told[-20:], "", tail(self.flagger.log)])
                raise AssertionError(f"{what} did not come within {within_s:g} s; phase {self.phase}\n{said}")
            threading.Event().wait(_LOOK_S)

    def approve(self, gate: str) -> None:
        self.service.approve(f"{NAMESPACE}/{NAME}", gate, "the story wants it")

    def ask_for_rollback(self) -> None:
        url = f"http://{self.service.address}/rollback/open"
        requests.post(url, json={"name": NAME, "namespace": NAMESPACE}, timeout=_ANSWER_WITHIN_S).raise_for_status()


def canary(hooks: str) -> Manifest:
    """The story's release: every type of hook, and the built-in check of errors."""
    check = {"name": "request-success-rate", "thresholdRange": {"min": 95}, "interval": "10s"}
    pace = {"interval": "10s", "threshold": 3, "maxWeight": 60, "stepWeight": 20}
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "progressDeadlineSeconds": 60,
            "service": {"port": 3003},
            "analysis": {**pace, "metrics": [check], "webhooks": _webhooks(hooks)},
        },
    }


def _webhooks(hooks: str) -> list[Manifest]:
    def hook(kind: str, name: str, **metadata: str) -> Manifest:
        found: Manifest = {"name": name, "type": kind, "url": f"http://{hooks}/hooks/{kind}", "timeout": "5s"}
        return {**found, "metadata": metadata} if metadata else found

    return [
        hook("confirm-rollout", "start-gate", gate="start"),
        hook("pre-rollout", "long-suite", test="long-suite", hold="true"),
        hook("confirm-traffic-increase", "wait-for-long-suite", hold="true"),
        hook("rollout", "load", test="ad-load"),
        hook("confirm-promotion", "promotion-gate", gate="promotion"),
        hook("post-rollout", "clean-up"),
        hook("rollback", "rollback-gate"),
        hook("event", "events"),
    ]


@contextmanager
def open_stage(folder: Path, cluster: Cluster, kubeconfig: Path) -> Iterator[Stage]:
    """Raise everything but the Canary's first word: v1 runs, users come, Flagger looks."""
    with ExitStack() as stack:
        begun = Start(deployment("v1"), prometheus="auto", owned=True)
        platform = stack.enter_context(start(folder / "platform", begun))
        catalog = folder / "catalog.yaml"
        catalog.write_text(yaml.safe_dump(_CATALOG))
        resolve = {f"{NAME}-canary.{NAMESPACE}:3003": platform.addresses.canary}
        service = stack.enter_context(HookService(ServiceOrder(folder / "hooks", catalog, resolve)))
        target = yaml.safe_load(deployment("v1").read_text())
        cluster.create(DEPLOYMENT, {**target, "metadata": {**target["metadata"], "namespace": NAMESPACE}})
        cluster.create(CANARY, canary(service.address))
        controller = stack.enter_context(Flagger(folder, kubeconfig, platform.book.prometheus))
        bridge = Bridge(cluster, platform, NAMESPACE, NAME)
        stack.enter_context(bridge.running())
        url = f"http://{platform.addresses.apex}/ad"
        users = stack.enter_context(UserTraffic(url, USERS_PER_SECOND))
        yield Stage(cluster, kubeconfig, service, users, bridge, controller)


class Flagger:
    """The controller, as a process that ends with its owner."""

    def __init__(self, folder: Path, kubeconfig: Path, metrics_server: str) -> None:
        self.log = folder / "flagger.log"
        flags = {
            "kubeconfig": str(kubeconfig),
            "mesh-provider": "istio",
            "metrics-server": metrics_server,
            "namespace": NAMESPACE,
            "control-loop-interval": "2s",
            "port": "0",
        }
        command = (str(BINARY), *(f"-{name}={value}" for name, value in flags.items()))
        self._order = Order(command, dict(os.environ), folder, self.log)

    def __enter__(self) -> Self:
        self._child = Child(self._order)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.signal(signal.SIGTERM)
        if not self._child.wait(_GRACE_S):
            self._child.signal(signal.SIGKILL)
            self._child.wait(_GRACE_S)

    def restart(self) -> None:
        """End it and start another, as happens to controllers; a new one has Events to spend again."""
        self.__exit__()
        self.__enter__()


def tail(log: Path, lines: int = 30) -> str:
    """The last words of Flagger's log, without their dress."""
    said = []
    for line in log.read_text().splitlines()[-lines:]:
        try:
            said.append(str(json.loads(line).get("msg", line)))
        except ValueError:
            said.append(line)
    return "\n".join(said)
