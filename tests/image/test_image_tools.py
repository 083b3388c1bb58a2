"""The target `tools`: what commands of payloads for Flagger's loadtester call."""

import json

import pytest

from tests.image.containers import Podman

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]

TOOLS = {
    "bats": ("--version", "Bats "),
    "curl": ("--version", "curl "),
    "ghz": ("--version", ""),
    "grpc_health_probe": ("-version", ""),
    "helm": ("version", "v4."),
    "hey": ("-h", "Usage: hey"),
    "jq": ("--version", "jq-"),
    "kubectl": ("version --client", "Client Version"),
    "wrk": ("-v", "wrk "),
}
RUN_A_COMMAND = """
import json, sys, time, urllib.request
url = "http://127.0.0.1:8080/"
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        urllib.request.urlopen(url + "healthz", timeout=5)
        break
    except OSError:
        time.sleep(0.1)
metadata = {"type": "bash", "cmd": "hey -n 20 -c 2 " + url + "healthz | grep -c '.200.'", "returnCmdOutput": "true"}
payload = {"name": "ad", "namespace": "weather", "phase": "Progressing", "metadata": metadata}
print(urllib.request.urlopen(urllib.request.Request(url, json.dumps(payload).encode()), timeout=60).read().decode())
"""


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_is_there(tool: str, podman: Podman, tools_image: str) -> None:
    arguments, shown = TOOLS[tool]

    done = podman.run(tools_image, *arguments.split(), options=(f"--entrypoint={tool}",))

    assert done.returncode in {0, 1, 2}, done.stderr
    assert shown in done.stdout + done.stderr


def test_commands_of_payloads_run_with_them(podman: Podman, tools_image: str) -> None:
    with podman.running(tools_image, "loadtester", "-port=8080") as container:
        assert container.python(RUN_A_COMMAND).strip() == "1"


def test_the_list_of_what_is_in_it_names_debian_packages_and_go_modules(podman: Podman, tools_image: str) -> None:
    read = "print(open('/opt/penstock/share/sbom.cdx.json').read())"

    bill = json.loads(podman.run(tools_image, "-c", read, options=("--entrypoint=python3",)).stdout)

    names = {component["name"] for component in bill["components"]}
    assert {"wrk", "helm.sh/helm/v4", "k8s.io/kubectl"} <= names
