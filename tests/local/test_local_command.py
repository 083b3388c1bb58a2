"""What `penstock local up|apply|status|down` does, and how it complains."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_traffic import deployment, get
from workflows.local import child, folder

PENSTOCK = (sys.executable, "-m", "workflows")


def penstock(*words: str | Path, **more: object) -> "subprocess.CompletedProcess[str]":
    command = [*PENSTOCK, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def up(directory: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    return penstock("local", "up", "--dir", directory, "--deployment", deployment("v1"), *words)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "platform"
    penstock("local", "down", "--dir", tmp_path / "platform")


def test_a_service_is_up_until_it_is_down(directory: Path) -> None:
    said = up(directory)
    book = folder.read_book(directory)
    answer = get(book.addresses.apex)

    down = penstock("local", "down", "--dir", directory)

    assert (said.returncode, said.stderr) == (0, "")
    assert f"ad is at http://{book.addresses.apex}" in said.stdout
    assert (answer.status, answer.version) == (200, "v1")
    assert (down.returncode, down.stdout) == (0, "stopped\n")
    assert not child.birth(book.pid)


def test_status_tells_what_runs_and_where_traffic_goes(directory: Path) -> None:
    up(directory)

    shown = json.loads(penstock("local", "status", "--dir", directory, "--output", "json").stdout)

    assert shown["weights"] == {"primary": 100, "canary": 0}
    assert [replica["serving"] for replica in shown["replicas"]["primary"]] == [True, True]
    assert "weights" in penstock("local", "status", "--dir", directory).stdout


def test_another_deployment_is_applied_at_once_while_no_release_looks_after_the_service(directory: Path) -> None:
    up(directory)

    said = penstock("local", "apply", deployment("v2"), "--dir", directory)

    assert "it is replaced at once" in said.stdout
    assert "target is at revision" in said.stdout


def test_the_service_is_at_the_port_that_was_asked_for(directory: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    up(directory, "--port", str(port))

    assert get(f"127.0.0.1:{port}").status == 200


def test_a_port_in_use_is_one_clear_line(directory: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = up(directory, "--port", str(port))

    assert said.returncode == 78
    assert said.stderr == (
        f"penstock: --port {port}: 127.0.0.1:{port} is in use; choose another port, or 0 for any free one\n"
    )


def test_a_second_platform_in_one_folder_is_refused_with_the_first_ones_pid(directory: Path) -> None:
    up(directory)

    said = up(directory)

    assert said.returncode == 78
    assert f"supervisor {folder.read_book(directory).pid} already runs a platform here" in said.stderr
    assert get(folder.read_book(directory).addresses.apex).status == 200


BROKEN = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: ad}, spec: {template: {spec: {containers: []}}}}"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--port", "70000"), "--port 70000: not within 0 to 65535"),
        (("--deployment", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("--deployment", "broken.yaml"), "broken.yaml: spec.template.spec.containers: 0 containers"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_78(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    command = ("local", "up", "--dir", "platform", "--deployment", deployment("v1"))
    said = penstock(*command, *words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())})

    assert (said.returncode, said.stdout) == (78, "")
    assert complaint in said.stderr
    assert "Traceback" not in said.stderr


def test_without_the_prometheus_binary_auto_is_refused(directory: Path) -> None:
    command = ("local", "up", "--dir", directory, "--deployment", deployment("v1"), "--prometheus", "auto")

    said = penstock(*command, env={**os.environ, "PATH": ""})

    assert said.returncode == 78
    assert "no `prometheus` on the PATH" in said.stderr


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus on the PATH: apt-get install prometheus")
def test_with_prometheus_its_address_is_told(directory: Path) -> None:
    said = up(directory, "--prometheus", "auto")

    assert f"prometheus: {folder.read_book(directory).prometheus}" in said.stdout


@pytest.mark.parametrize("command", [("status",), ("apply", str(deployment("v2")))])
def test_without_a_platform_the_way_out_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = penstock("local", *command, "--dir", tmp_path / "none")

    assert said.returncode == 75
    assert "penstock local up" in said.stderr


def test_down_without_a_platform_says_so(tmp_path: Path) -> None:
    assert penstock("local", "down", "--dir", tmp_path / "none").stdout.startswith("nothing runs in")


def test_another_services_deployment_is_refused(directory: Path, tmp_path: Path) -> None:
    up(directory)
    other = tmp_path / "other.yaml"
    other.write_text(deployment("v2").read_text().replace("name: ad\n", "name: forecast\n", 1))

    said = penstock("local", "apply", other, "--dir", directory)

    assert said.returncode == 78
    assert "Deployment weather/forecast, this platform runs weather/ad" in said.stderr


def test_in_front_the_platform_stays_until_it_is_interrupted(directory: Path) -> None:
    command = [*PENSTOCK, "local", "up", "--foreground", "--dir", directory, "--deployment", deployment("v1")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert any("ad is at" in line for line in process.stderr)

        process.send_signal(signal.SIGINT)

        assert process.wait(20) == 0
