"""The quick start in a cluster, from the files of examples/ and the commands of its page."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from tests.cluster import registry
from tests.cluster.api_server import ApiServer
from tests.cluster.kubelet import Kubelet
from tests.cluster.resources import NAMESPACES, Target
from tests.cluster.small_server import SmallServer
from tests.ports.hook_server import free_port
from tests.webhooks.served import ROOT, serving
from workflows.cli import main
from workflows.cluster.client import Cluster
from workflows.cluster.connection import connect
from workflows.cluster.kinds import DEPLOYMENT

PAGE = (ROOT / "docs/quick-start.md").read_text(encoding="utf-8")
CATALOG = yaml.safe_load((ROOT / "examples/quick-start/values.yaml").read_text(encoding="utf-8"))["catalog"]["inline"]
PORT = free_port()


@contextmanager
def running(version: str) -> Iterator[str]:
    """Play the pods of one version of the ad service, and give their address."""
    address = f"127.0.0.1:{PORT}"
    environment = {**os.environ, "VERSION": version, "HOST": "127.0.0.1", "PORT": str(PORT)}
    process = subprocess.Popen([sys.executable, "examples/ad-service/app.py"], cwd=ROOT, env=environment)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)


def commands() -> list[str]:
    """List the commands of the page from an empty cluster to the first release."""
    (part,) = re.findall(r"(?ms)^## In a cluster.*?(?=^## |\Z)", PAGE)
    return [line.removeprefix("$ ") for line in part.splitlines() if line.startswith("$ ")]


def set_version(cluster: Cluster, version: str) -> None:
    """Do what `kubectl set env` does."""
    container = {"name": "ad", "env": [{"name": "VERSION", "value": version}]}
    cluster.patch(DEPLOYMENT, "weather", "ad", {"spec": {"template": {"spec": {"containers": [container]}}}})


def test_a_reader_needs_at_most_eight_commands() -> None:
    assert len(commands()) <= 8
    assert [line for line in commands() if line.startswith("penstock run")]


def test_the_good_version_is_promoted_and_the_bad_one_goes_by_itself(
    small_api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(small_api.backend, SmallServer)
    registry.create(small_api.backend.store, Target(NAMESPACES, "v1"), {"metadata": {"name": "weather"}})
    cluster = connect(small_api.kubeconfig(tmp_path))
    cluster.create(DEPLOYMENT, yaml.safe_load((ROOT / "examples/ad-service/deployment-v1.yaml").read_text()))
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG))
    (line,) = {line for line in commands() if line.startswith("penstock run")}
    words = shlex.split(line)[1:]
    arms = ("ad", "ad-canary", "ad-primary")
    resolved = [f"--resolve={arm}.weather:3003=127.0.0.1:{PORT}" for arm in arms]
    with (
        Kubelet(cluster).running(),
        serving(tmp_path / "data", "--catalog", str(catalog), "--auth=open", *resolved) as served,
        ExitStack() as pods,
    ):
        here = served.url.removeprefix("http://")
        asked = [word.replace("127.0.0.1:8080", here) for word in words]
        asked += ["--kubeconfig", str(small_api.kubeconfig(tmp_path)), "--interval", "3s"]
        codes = []
        for version in ("v1", "v2", "v3"):
            pods.close()
            pods.enter_context(running(version))
            set_version(cluster, version)
            codes.append(main(asked))

    said = capsys.readouterr().err
    assert codes == [0, 0, 10]
    assert [told for told in re.findall(r"(?m)^(?:Normal  |Warning )[^:\n]*", PAGE) if told not in said] == []
