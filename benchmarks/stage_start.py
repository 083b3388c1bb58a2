"""How long a stage of a pipeline takes from the start of its process to its first call of the API server.

A stand-in on loopback takes the time at which the first call arrives, and refuses it. Run it as
`python benchmarks/stage_start.py [--json FILE]`; exit code 1 when the median in a pod misses the limit.
"""

import argparse
import json
import os
import platform
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

RUNS = 10
LIMIT_S = 0.6
CERTIFICATE = Path(__file__).parents[1] / "tests" / "loopback.pem"
STAGE = ("stage", "status", "--canary", "ad", "-n", "weather")
# A pod's files lie below /var/run; here they are in a folder of our own.
IN_POD = (
    "import sys; from pathlib import Path; from workflows.cli import main; from workflows.cluster import connection;"
    "connection.SERVICE_ACCOUNT = Path(sys.argv.pop(1)); sys.exit(main())"
)

arrivals: list[float] = []


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds to the first call, and CPU seconds of the whole process."""

    best_s: float
    median_s: float
    cpu_s: float


class Door(BaseHTTPRequestHandler):
    """Note when somebody comes, and send them away."""

    def do_GET(self) -> None:
        """Refuse for good, so that the stage ends at once."""
        arrivals.append(time.monotonic())
        body = json.dumps({"kind": "Status", "message": "closed"}).encode()
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve() -> HTTPServer:
    """Start the stand-in, over TLS as a pod meets it."""
    server = HTTPServer(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def write_files(folder: Path, port: int) -> Path:
    """Write a pod's service account and a kubeconfig; give the latter."""
    (folder / "token").write_text("none")
    (folder / "ca.crt").write_bytes(CERTIFICATE.read_bytes())
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(CERTIFICATE)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "stand-in",
        "clusters": [{"name": "stand-in", "cluster": cluster}],
        "users": [{"name": "stage", "user": {"token": "none"}}],
        "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "stage"}}],
    }
    path = folder / "kubeconfig.json"
    path.write_text(json.dumps(config))
    return path


def time_one(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Start one stage and give the seconds until its first call."""
    arrivals.clear()
    begun = time.monotonic()
    subprocess.run([sys.executable, *command], check=False, capture_output=True, timeout=60, env=environment)
    return arrivals[0] - begun


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Figures:
    """Time several starts, after one that fills the caches."""
    time_one(command, environment)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = sorted(time_one(command, environment) for _ in range(RUNS))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures(round(seconds[0], 3), round(statistics.median(seconds), 3), round(cpu / RUNS, 3))


def main() -> int:
    """Measure, print, and keep as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load, server = os.getloadavg()[0], serve()
    port = server.server_address[1]
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = write_files(Path(folder), port)
        kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        pod = {**kept, "HOME": folder, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
        figures = {
            "in a pod": measure(("-c", IN_POD, folder, *STAGE), pod),
            "by a kubeconfig": measure(("-m", "workflows", *STAGE, "--kubeconfig", str(kubeconfig)), kept),
        }
    server.shutdown()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load:.1f} at the start")
    for name, each in figures.items():
        print(f"{name}: first call after {each.best_s} s at best, {each.median_s} s median; CPU {each.cpu_s} s")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: asdict(each) for name, each in figures.items()}))
    return int(figures["in a pod"].median_s > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
