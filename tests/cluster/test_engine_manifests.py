"""The rendered manifests before those who take them: a real API server with the engines' definitions, their linters."""

import gzip
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.real_server import RealServer
from workflows.cli import main
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import Kind
from workflows.cluster.refusals import NotServedError
from workflows.errors import TemporaryError

CRDS = os.environ.get("PENSTOCK_CRDS", "")
CANARIES = [Path("examples/ad-service/canary.yaml"), *sorted(Path("examples/canaries").glob("*.yaml"))]
ENGINES = ("argo-workflows", "tekton-pipelines")
KINDS = {
    *("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"),
    *("Task", "TaskRun", "Pipeline", "PipelineRun", "StepAction"),
}
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")
_SERVED_S = 30.0


def find_definitions() -> Iterator[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for engine in ENGINES:
        (path,) = Path(CRDS).glob(f"{engine}-*.yaml.gz")
        for each in yaml.load_all(gzip.decompress(path.read_bytes()), loader):
            if each and each["spec"]["names"]["kind"] in KINDS:
                # Nobody is there to convert between versions; each object is written in its stored one.
                each["spec"].pop("conversion", None)
                yield each


def install(cluster: Cluster) -> dict[str, str]:
    """Install the engines' definitions and give the plural of each kind, once they are served."""
    plurals = {}
    for each in find_definitions():
        # A large one takes the server longer than our client waits; it is carried out all the same.
        with suppress(TemporaryError):
            cluster.create(DEFINITION, {**each, "metadata": {"namespace": "", **each["metadata"]}})
        names = each["spec"]["names"]
        stored = next(version["name"] for version in each["spec"]["versions"] if version["storage"])
        await_kind(cluster, Kind(f"{each['spec']['group']}/{stored}", names["kind"], names["plural"]))
        plurals[names["kind"]] = names["plural"]
    return plurals


def await_kind(cluster: Cluster, kind: Kind) -> None:
    deadline = time.monotonic() + _SERVED_S
    while True:
        try:
            cluster.list(kind, "")
        except (NotServedError, TemporaryError):
            assert time.monotonic() < deadline, f"{kind.kind} is not served in time"
            Event().wait(0.2)
        else:
            return


def render(folder: Path) -> list[Path]:
    """Write everything that the generator writes for the engines, one folder for each canary."""
    for canary in CANARIES:
        for options in (["argo"], ["argo", "--cluster-wide", "--report", "--approval"], ["tekton"]):
            where = folder / canary.stem / "-".join(options)
            assert main(["render", *options, "--canary", str(canary), "-o", str(where)]) == 0
    assert main(["render", "argo-templates", "-o", str(folder / "argo-templates")]) == 0
    assert main(["render", "tekton-catalog", "-o", str(folder / "tekton-catalog")]) == 0
    # An ApprovalTask's definition is not Tekton's own; the pipeline that calls it needs none.
    asked = ["--approval", "--approver", "alice", "-o", str(folder / "approval")]
    assert main(["render", "tekton", "--canary", str(CANARIES[0]), *asked]) == 0
    return sorted(folder.rglob("*.yaml"))


@pytest.fixture(scope="module")
def engines(real_server: RealServer) -> dict[str, str]:
    return install(connect(real_server.kubeconfig))


needs_definitions = pytest.mark.skipif(
    not CRDS, reason="PENSTOCK_CRDS is not set: the engines' definitions are not there"
)


@needs_definitions
@pytest.mark.cluster
def test_a_real_server_takes_every_manifest_and_drops_no_field(
    real_server: RealServer, engines: dict[str, str], tmp_path: Path
) -> None:
    refused = []
    with ApiServer(real_server, real_server.admin_token) as server:
        conversation = Conversation(server)
        for file in render(tmp_path):
            for document in yaml.safe_load_all(file.read_text()):
                document["metadata"].pop("namespace", None)
                plural = engines[document["kind"]]
                place = "" if document["kind"].startswith("Cluster") else "/namespaces/test"
                path = f"/apis/{document['apiVersion']}{place}/{plural}?dryRun=All&fieldValidation=Strict"
                reply = conversation.post(path, document)
                refused += [] if reply.status == 201 else [(str(file), reply.message)]

    assert refused == []


@needs_definitions
@pytest.mark.cluster
def test_a_field_that_no_engine_knows_is_refused_by_the_server(
    real_server: RealServer, engines: dict[str, str]
) -> None:
    task = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "x"}, "spec": {"stepz": []}}
    with ApiServer(real_server, real_server.admin_token) as server:
        path = f"/apis/tekton.dev/v1/namespaces/test/{engines['Task']}?dryRun=All&fieldValidation=Strict"
        reply = Conversation(server).post(path, task)

    assert (reply.status, "stepz" in reply.message) == (400, True)


@needs_definitions
@pytest.mark.cluster
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the PATH: its dry run is skipped")
def test_kubectl_takes_what_the_examples_tell_people_to_apply(
    real_server: RealServer, engines: dict[str, str], tmp_path: Path
) -> None:
    assert engines
    canary = tmp_path / "canary.yaml"
    canary.write_text(CANARIES[0].read_text().replace("namespace: weather", "namespace: test"))
    for kind in ("argo", "argo-plugin", "tekton", "rbac"):
        assert main(["render", kind, "--canary", str(canary), "-o", str(tmp_path / "release")]) == 0

    done = subprocess.run(
        ["kubectl", "create", "--dry-run=server", "--validate=strict", "-R", "-f", str(tmp_path / "release")],
        env={**os.environ, "KUBECONFIG": str(real_server.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "workflowtemplate.argoproj.io/canary-release-ad created (server dry run)" in done.stdout
    assert "pipeline.tekton.dev/canary-release-ad created (server dry run)" in done.stdout


@pytest.mark.skipif(not shutil.which("argo"), reason="argo is not on the PATH: its linter is skipped")
def test_the_linter_of_argo_has_nothing_to_say(tmp_path: Path) -> None:
    assert main(["render", "argo", "--canary", str(CANARIES[0]), "-o", str(tmp_path)]) == 0

    command = ["argo", "lint", "--offline", "--strict", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
