"""The image as it runs in a cluster: nobody's user, nothing to write on, no shell, no network but loopback."""

import json
import tomllib
from collections.abc import Iterator

import pytest

from tests.image.containers import ROOT, SHELL_LESS, Container, Podman
from workflows.cli import COMMANDS

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]

LIMIT = 400_000_000
CANARY = "/opt/penstock/lib/python3*/site-packages/workflows/local/ad-service/canary.yaml"

WAIT_UNTIL_READY = """
import time, urllib.request
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8080/readyz", timeout=5).status)
        break
    except OSError:
        time.sleep(0.1)
"""
POST_A_HOOK = """
import json, urllib.request
payload = {"name": "ad", "namespace": "weather", "phase": "Progressing", "checksum": "1", "metadata": {"on": "none"}}
request = urllib.request.Request("http://127.0.0.1:8080/hooks/event", json.dumps(payload).encode())
print(urllib.request.urlopen(request, timeout=10).status)
"""
ASK_FOR_A_PAGE_AND_ITS_PARTS = """
import re, urllib.request
page = urllib.request.urlopen("http://127.0.0.1:8080/ui/", timeout=10).read().decode()
parts = re.findall(r'(?:href|src)="(/ui/static/[^"]+)"', page)
print(bool(parts), {urllib.request.urlopen("http://127.0.0.1:8080" + part, timeout=10).status for part in parts})
"""
# A child that ends at once, after it has made one of its own that ends half a second later, with no parent left.
LEAVE_AN_ORPHAN = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.5)
    os._exit(0)
os.wait()
"""
COUNT_ZOMBIES = """
import pathlib, time
time.sleep(1.5)
stats = [path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/stat")]
print(sum(stat.rpartition(")")[2].split()[0] == "Z" for stat in stats))
"""
START_EVERY_COMMAND = """
import subprocess, sys
for name in sys.argv[1:]:
    done = subprocess.run(["penstock", name, "--help"], capture_output=True, text=True, timeout=60)
    if done.returncode or "usage" not in done.stdout.lower():
        print(name, done.returncode, done.stderr)
"""
WHO_AM_I = """
import os
try:
    open("/opt/penstock/mine", "w")
except OSError as error:
    print(os.getuid(), os.getgid(), error.strerror, os.system("true") != 0)
"""


@pytest.fixture(scope="module")
def service(podman: Podman, image: str) -> Iterator[Container]:
    with podman.running(image, "serve", "--log-format", "json", options=SHELL_LESS) as container:
        assert container.python(WAIT_UNTIL_READY) == "200\n"
        yield container


def test_it_is_the_command(podman: Podman, image: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert podman.run(image, "--version", options=SHELL_LESS).stdout == f"penstock {version}\n"


def test_it_is_nobody_writes_nowhere_and_needs_no_shell(podman: Podman, image: str) -> None:
    done = podman.run(image, "-c", WHO_AM_I, options=("--entrypoint=python3", *SHELL_LESS))

    assert done.stdout == "8737 0 Read-only file system True\n"


def test_every_command_starts(podman: Podman, image: str) -> None:
    done = podman.run(image, "-c", START_EVERY_COMMAND, *COMMANDS, options=("--entrypoint=python3", *SHELL_LESS))

    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_a_service_that_answers_hooks(service: Container) -> None:
    assert service.python(POST_A_HOOK) == "200\n"


def test_it_shows_its_pages(service: Container) -> None:
    assert service.python(ASK_FOR_A_PAGE_AND_ITS_PARTS) == "True {200}\n"


def test_it_makes_load_and_judges_it(service: Container) -> None:
    plan = ("--target", "http://127.0.0.1:8080/healthz", "--rate", "20", "--duration", "2s")

    done = service.penstock("load", "run", *plan, "--threshold", "http_req_failed: rate<0.01")

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_a_stage_of_a_release(podman: Podman, image: str) -> None:
    file = f"--volume={ROOT}/examples/ad-service/canary.yaml:/canary.yaml:ro"

    done = podman.run(image, "stage", "status", "--file=/canary.yaml", "--platform=memory", options=(file, *SHELL_LESS))

    assert done.returncode == 0, done.stderr


def test_it_releases_from_the_first_weight_to_the_last(podman: Podman, image: str) -> None:
    file = f"--volume={ROOT}/examples/ad-service/canary.yaml:/canary.yaml:ro"

    done = podman.run(image, "run", "/canary.yaml", "--platform=memory", options=(file, *SHELL_LESS))

    assert done.stdout == "ad.weather: promoted after weights 0, 20, 40, 60, 80, 100\n"


def test_an_orphan_is_reaped(podman: Podman, image: str) -> None:
    # A load, since the service would reap by itself.
    plan = ("--target", "http://127.0.0.1:9/", "--rate", "1", "--duration", "60s")
    with podman.running(image, "load", "run", *plan, options=SHELL_LESS) as container:
        container.python(LEAVE_AN_ORPHAN)

        assert container.python(COUNT_ZOMBIES) == "0\n"


def test_it_ends_when_the_cluster_asks(podman: Podman, image: str) -> None:
    with podman.running(image, "serve", options=SHELL_LESS) as container:
        container.python(WAIT_UNTIL_READY)

        code, log = container.stop()

    assert code == 0, log


def test_it_serves_where_there_is_no_place_for_temporary_files(podman: Podman, image: str) -> None:
    with podman.running(image, "serve", options=("--read-only-tmpfs=false",)) as container:
        assert container.python(WAIT_UNTIL_READY) == "200\n"
        assert [container.may_write(path) for path in ("/tmp/mine", "/var/lib/penstock/mine")] == [False, True]  # noqa: S108 - of the container


def test_it_takes_no_more_than_400_megabytes(podman: Podman, image: str) -> None:
    size = int(podman.call("image", "inspect", "--format", "{{.Size}}", image).stdout)

    assert size <= LIMIT


def test_it_says_what_it_is(podman: Podman, image: str) -> None:
    labels = json.loads(podman.call("image", "inspect", "--format", "{{json .Labels}}", image).stdout)

    assert labels["org.opencontainers.image.title"] == "penstock"
    assert labels["org.opencontainers.image.version"] == "0.0.0+test"


def test_it_carries_the_list_of_what_is_in_it(podman: Podman, image: str) -> None:
    read = "print(open('/opt/penstock/share/sbom.cdx.json').read())"

    bill = json.loads(podman.run(image, "-c", read, options=("--entrypoint=python3",)).stdout)

    assert bill["metadata"]["component"]["name"] == "penstock"
    assert {"flask", "locust", "libc6", "boto3"} <= {component["name"].lower() for component in bill["components"]}


# Locust goes first in a process of its own: it changes sockets when it is imported.
USES = [
    "import locust",
    "import kubernetes.client, webhooks.checks.inside",
    "import boto3; boto3.client('cloudwatch', region_name='eu-west-1')",
]


@pytest.mark.parametrize("use", USES)
def test_what_was_left_out_of_libraries_is_not_missed(use: str, podman: Podman, image: str) -> None:
    done = podman.run(image, "-c", use, options=("--entrypoint=/opt/penstock/bin/python",))

    assert done.returncode == 0, done.stderr
