"""How a cluster is found: by a kubeconfig, by one of its contexts, by the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.api_server import ApiServer
from workflows.cluster.connection import connect
from workflows.errors import ConfigurationError


def test_a_kubeconfig_says_which_cluster(api: ApiServer, tmp_path: Path) -> None:
    assert connect(api.kubeconfig(tmp_path)).read("/version")["major"] == "1"


def test_a_context_of_it_says_who_asks(api: ApiServer, tmp_path: Path) -> None:
    path = api.kubeconfig(tmp_path)
    config = yaml.safe_load(path.read_text())
    config["users"].append({"name": "stranger", "user": {"token": "stranger"}})
    config["contexts"].append({"name": "other", "context": {"cluster": "test", "user": "stranger"}})
    path.write_text(yaml.safe_dump(config))

    with pytest.raises(ConfigurationError, match="Unauthorized"):
        connect(path, "other").read("/version")


def test_a_context_that_is_not_there_is_refused(api: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no cluster is configured .*nowhere"):
        connect(api.kubeconfig(tmp_path), "nowhere")


def test_a_kubeconfig_that_is_not_there_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name a kubeconfig with --kubeconfig or KUBECONFIG"):
        connect(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["", "{", "[]", "clusters: 3", "a: b: c"])
def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match="no cluster is configured"):
        connect(path)


def test_without_a_word_the_environment_says(api: ApiServer, tmp_path: Path) -> None:
    program = "from workflows.cluster.connection import connect; print(connect().read('/version')['major'])"
    environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig(tmp_path))}

    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, timeout=60)

    assert said.stdout == b"1\n"


def with_server(api: ApiServer, folder: Path, server: str, token: str = "") -> Path:
    document = json.loads(api.kubeconfig(folder).read_text())
    document["clusters"][0]["cluster"]["server"] = server
    document["users"][0]["user"]["token"] = token or document["users"][0]["user"]["token"]
    path = folder / "changed.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("server", ["127.0.0.1:6443", "not a url", "https://[::bad"])
def test_a_server_that_is_no_address_is_refused(api: ApiServer, tmp_path: Path, server: str) -> None:
    with pytest.raises(ConfigurationError, match="no cluster is configured"):
        connect(with_server(api, tmp_path, server))


@pytest.mark.parametrize("token", ["se\ncret", "se€cret"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(api: ApiServer, tmp_path: Path, token: str) -> None:
    with pytest.raises(ConfigurationError, match="look at the server and at the token") as refused:
        connect(with_server(api, tmp_path, api.url, token)).read("/version")
    assert "cret" not in str(refused.value).replace("secret", "")


def test_a_kubeconfig_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="no cluster is configured"):
        connect(path)
