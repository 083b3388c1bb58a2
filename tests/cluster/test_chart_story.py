"""The service and its runner, started as the chart starts them, with nothing but the accounts that it makes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.chart.charts import NAMESPACE, Manifest, container_of, needs_helm, pick, pod_of, render
from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.real_server import RealServer
from tests.cluster.test_chart_in_cluster import RIGHTS, create, token_of
from tests.cluster.test_hook_readback import canary, put
from tests.local_traffic import eventually
from workflows.cluster.client import Cluster

pytestmark = [needs_helm, pytest.mark.cluster]
CATALOG = {"tests": {"suite": {"kind": "command", "argv": ["true"]}}}
PAYLOAD = {"name": "ad", "namespace": "test", "phase": "Progressing", "checksum": "1"}
PLACES = ("/etc/penstock", "/var/lib/penstock", "/var/run/penstock")


@pytest.fixture
def api(real_server: RealServer) -> Iterator[ApiServer]:
    real_server.clean()
    with ApiServer(real_server, real_server.admin_token) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder in the place of a pod's file system, in which a Deployment's container is started."""

    folder: Path
    objects: list[Manifest]

    def place(self, text: str) -> str:
        """Move the paths of a text into the folder."""
        for place in PLACES:
            text = text.replace(place, f"{self.folder}{place}")
        return text

    def mount(self, deployment: str) -> None:
        """Write the ConfigMaps that the container mounts."""
        pod = pod_of(pick(self.objects, "Deployment", deployment))
        maps = {each["name"]: each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each}
        for mount in pod["containers"][0]["volumeMounts"]:
            folder = Path(self.place(mount["mountPath"]))
            if folder.is_relative_to(self.folder):
                folder.mkdir(parents=True, exist_ok=True)
            if mount["name"] in maps:
                for name, text in pick(self.objects, "ConfigMap", maps[mount["name"]])["data"].items():
                    (folder / name).write_text(self.place(text))

    @contextmanager
    def run(self, deployment: str, *more: str, **environ: str) -> Iterator[None]:
        """Start the command of a Deployment, and stop it at the end."""
        self.mount(deployment)
        words = [self.place(word) for word in container_of(self.objects, deployment)["args"]]
        command = [sys.executable, "-m", "workflows", *words, *more]
        child = subprocess.Popen(command, env={**os.environ, **environ}, start_new_session=True)
        try:
            yield
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                assert child.wait(60) == 0
            finally:
                child.kill()


@pytest.fixture
def served(api: ApiServer, cluster: Cluster, conversation: Conversation, tmp_path: Path) -> Iterator[str]:
    """Give the URL of the service, which has a runner apart from it."""
    conversation.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    objects = render({"canaryNamespaces": ["test"], "catalog": {"inline": CATALOG}})
    for each in (one for kind in RIGHTS for one in objects if one["kind"] == kind):
        create(conversation, each)
    listed = canary()
    for hook in listed["spec"]["analysis"]["webhooks"]:
        hook["timeout"] = "30s"
    put(cluster, listed)
    server, runner = Machine(tmp_path / "server", objects), Machine(tmp_path / "runner", objects)
    for machine in (server, runner):
        machine.folder.mkdir()
    config = str(api.kubeconfig(tmp_path, token_of(conversation, "penstock-server")))
    address = Path(server.place("/var/lib/penstock/serve/address"))
    with ExitStack() as stack:
        stack.enter_context(server.run("penstock", "--host=127.0.0.1", "--port=0", KUBECONFIG=config))
        eventually(address.exists, 60)
        url = address.read_text().strip()
        runner.mount("penstock-runner")
        Path(runner.place("/var/run/penstock/token")).write_text(token_of(conversation, "penstock-runner"))
        stack.enter_context(runner.run("penstock-runner", f"--service={url}", KUBECONFIG="/none"))
        yield url


def test_a_hook_that_stands_in_its_canary_starts_a_test_in_the_runner(served: str, conversation: Conversation) -> None:
    hook = f"{served}/hooks/pre-rollout"
    token = token_of(conversation, "penstock-runner")

    forged = requests.post(hook, json={**PAYLOAD, "metadata": {"test": "other"}}, timeout=30)
    passed = requests.post(hook, json={**PAYLOAD, "metadata": {"test": "suite"}}, timeout=30)
    looked = requests.get(f"{served}/api/v1/runs", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    assert (forged.status_code, passed.status_code, passed.text[:12]) == (403, 200, "suite passed")
    assert [requests.get(f"{served}/api/v1/runs", timeout=30).status_code, looked.status_code] == [401, 403]
