"""`penstock serve --watchdog`: the service watches over releases, in a process that ends with it."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster.api_server import ApiServer
from tests.local_traffic import eventually
from workflows.cli import main
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import LEASE
from workflows.watchdog import LEADER


def test_the_service_watches_until_it_is_stopped(api: ApiServer, cluster: Cluster, tmp_path: Path) -> None:
    where = ["--data-dir", str(tmp_path / "data"), "--port", "0", "--kubeconfig", str(api.kubeconfig(tmp_path))]
    command = [sys.executable, "-m", "workflows", "serve", "--host", "127.0.0.1", *where, "--watchdog", "test"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        eventually(lambda: cluster.get(LEASE, "test", LEADER), 60)
    finally:
        served.send_signal(signal.SIGTERM)
        said, _ = served.communicate(timeout=60)

    assert served.returncode == 0, said


def test_a_watchdog_without_a_cluster_is_said_before_anything_starts(tmp_path: Path) -> None:
    assert main(["serve", "--data-dir", str(tmp_path), "--watchdog", "test", "--kubeconfig", "/none"]) == 78
