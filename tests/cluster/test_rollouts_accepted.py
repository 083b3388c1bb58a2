"""The AnalysisTemplates for Argo Rollouts before a real API server with the engine's own definition."""

import gzip
import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.cluster.api_server import ApiServer
from tests.cluster.conversation import Conversation
from tests.cluster.real_server import RealServer
from tests.cluster.test_engine_manifests import DEFINITION, await_kind
from workflows.cli import main
from workflows.cluster.connection import connect
from workflows.cluster.kinds import Kind
from workflows.errors import TemporaryError

CRDS = os.environ.get("PENSTOCK_CRDS", "")
TEMPLATE = Kind("argoproj.io/v1alpha1", "AnalysisTemplate", "analysistemplates")
CANARIES = ("examples/ad-service/canary.yaml", "examples/rollouts/canary.yaml", "examples/canaries/ab-testing.yaml")


def install(server: RealServer) -> None:
    """Install the definition and wait until it is served."""
    cluster = connect(server.kubeconfig)
    (path,) = Path(CRDS).glob("argo-rollouts-*.yaml.gz")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load_all(gzip.decompress(path.read_bytes()), loader)
    definition = next(each for each in found if each["spec"]["names"]["kind"] == TEMPLATE.kind)
    # A large one takes the server longer than our client waits; it is carried out all the same.
    with suppress(TemporaryError):
        cluster.create(DEFINITION, {**definition, "metadata": {"namespace": "", **definition["metadata"]}})
    await_kind(cluster, TEMPLATE)


@pytest.mark.skipif(not CRDS, reason="PENSTOCK_CRDS is not set: the engine's definition is not there")
@pytest.mark.cluster
def test_a_real_server_takes_every_template_and_drops_no_field(real_server: RealServer, tmp_path: Path) -> None:
    install(real_server)
    for number, canary in enumerate(CANARIES):
        words = ["--canary", canary, "--secret", "penstock-token", "-o", str(tmp_path / str(number))]
        assert main(["render", "rollouts", *words]) == 0
    documents = [each for file in tmp_path.rglob("*.yaml") for each in yaml.safe_load_all(file.read_text())]

    with ApiServer(real_server, real_server.admin_token) as server:
        conversation = Conversation(server)
        path = f"{TEMPLATE.path('test')}?dryRun=All&fieldValidation=Strict"
        replies = [
            conversation.post(path, {**each, "metadata": {"name": each["metadata"]["name"]}})
            for each in documents
            if each["kind"] == TEMPLATE.kind
        ]

    assert [reply.message for reply in replies if reply.status != 201] == []
    assert len(replies) == 6
