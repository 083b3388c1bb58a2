"""Compare what one request costs the generator: CPU microseconds for each, side by side against a local nginx.

Run it as `python benchmarks/load_throughput.py [--json FILE] [--repeats N] [--window S]`; it needs nginx, hey and wrk
(Debian: apt-get install nginx-light hey wrk). nginx runs on the last core and counts the requests, generators run on
the first; every tool keeps 32 connections. The CPU time is that of the tool's whole process tree.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter

CONNECTIONS = 32
WARM_UP_S = 2.5
STARTS = 7
TICK_HZ = os.sysconf("SC_CLK_TCK")
GENERATOR_CORE, SERVER_CORE = "0", str((os.cpu_count() or 1) - 1)

NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; {paths}
  server {{
    listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location = /status {{ stub_status; }}
    location / {{ default_type application/json; return 200 '{{"ad": "buy one, get one free"}}'; }}
  }}
}}
"""
LOCUST_FILE = """from locust import FastHttpUser, task
{extra}

class Visitor({user}):
    @task
    def ad(self):
        self.client.get("/ad")
"""


@dataclass(frozen=True)
class Server:
    """Hold where nginx listens."""

    http: str
    https: str

    def requests(self) -> int:
        """Give how many requests it has answered, as it counts itself."""
        with urllib.request.urlopen(f"{self.http}/status", timeout=5) as answer:  # noqa: S310 - our own nginx
            return int(answer.read().split(b"\n")[2].split()[2])


@dataclass
class Figures:
    """Collect the figures of one tool."""

    cpu_us: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


def free_port() -> int:
    """Give a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """Run nginx with and without TLS."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    keys = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*make, *subject, *keys], check=True, capture_output=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    http, https = free_port(), free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, paths=paths, http=http, https=https))
    command = ["taskset", "-c", SERVER_CORE, "nginx", "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as child:
        try:
            wait_for_port(http)
            yield Server(f"http://127.0.0.1:{http}", f"https://127.0.0.1:{https}")
        finally:
            child.send_signal(signal.SIGQUIT)


def wait_for_port(port: int) -> None:
    """Wait until something listens there."""
    until, pause = monotonic() + 10, threading.Event()
    while monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            pause.wait(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def tree(pid: int) -> list[int]:
    """Give a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for item in found:
        found += children.get(item, [])
    return found


def cpu_s(pid: int) -> float:
    """Give the CPU seconds that a process tree has used."""
    total = 0
    for item in tree(pid):
        try:
            fields = Path(f"/proc/{item}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK_HZ


def tools(folder: Path, server: Server, length_s: float) -> dict[str, list[str]]:
    """Give the command of each tool."""
    fast, slim = folder / "fast.py", folder / "slim.py"
    fast.write_text(LOCUST_FILE.format(user="FastHttpUser", extra=""))
    extra = "from loadtester.engine.slim_user import SlimHttpUser"
    slim.write_text(LOCUST_FILE.format(user="SlimHttpUser", extra=extra))
    ours = [sys.executable, "-m", "loadtester", "run", "--users", str(CONNECTIONS), "--duration", f"{length_s}s"]
    (folder / "tls.json").write_text(
        json.dumps(
            {
                "target": server.https,
                "users": CONNECTIONS,
                "duration": length_s,
                "requests": [{"path": "/ad"}],
                "tls": {"ca_file": str(folder / "cert.pem")},
            }
        )
    )
    (folder / "plain.json").write_text(
        json.dumps({"target": server.http, "users": CONNECTIONS, "duration": length_s, "requests": [{"path": "/ad"}]})
    )
    locust = [sys.executable, "-m", "locust", "--headless", "-u", str(CONNECTIONS), "-r", str(CONNECTIONS)]
    locust += ["-t", f"{int(length_s)}s", "--only-summary", "--loglevel", "ERROR", "-f", str(fast)]
    run = [sys.executable, "-m", "loadtester", "run"]
    return {
        "declarative": [*run, str(folder / "plain.json")],
        "hey": ["hey", "-z", f"{int(length_s)}s", "-c", str(CONNECTIONS), "-cpus", "1", f"{server.http}/ad"],
        "wrk": ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{int(length_s)}s", f"{server.http}/ad"],
        "FastHttpUser": [*locust, "-H", server.http],
        "SlimHttpUser": [*ours, "--locustfile", str(slim), "--target", server.http],
        "declarative, TLS": [*run, str(folder / "tls.json")],
        "FastHttpUser, TLS": [*locust, "-H", server.https],
    }


def measure(command: list[str], server: Server, window_s: float, figures: Figures) -> None:
    """Run a tool and measure it in the middle of its run."""
    pinned = ["taskset", "-c", GENERATOR_CORE, *command]
    pause = threading.Event()
    with subprocess.Popen(
        pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        try:
            pause.wait(WARM_UP_S)
            before, used, at = server.requests(), cpu_s(child.pid), perf_counter()
            pause.wait(window_s)
            after, used_after, until = server.requests(), cpu_s(child.pid), perf_counter()
        finally:
            os.killpg(child.pid, signal.SIGTERM)
    count = after - before
    figures.cpu_us.append((used_after - used) / max(count, 1) * 1e6)
    figures.rate.append(count / (until - at))


def first_request_ms(command: list[str], listener: socket.socket) -> float:
    """Give the milliseconds from starting a tool to its first request's bytes."""
    started = perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        connection, _ = listener.accept()
        connection.recv(4096)
        taken = (perf_counter() - started) * 1000
        os.killpg(child.pid, signal.SIGKILL)
        connection.close()
    return taken


def measure_starts(folder: Path) -> dict[str, float]:
    """Give the median time to the first request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        plan = folder / "start.json"
        plan.write_text(json.dumps({"target": url, "rate": 1, "duration": 20}))
        locust = [sys.executable, "-m", "locust", "--headless", "-u", "1", "-r", "1", "-t", "20s"]
        commands = {
            "declarative": [sys.executable, "-m", "loadtester", "run", str(plan)],
            "locust --headless": [*locust, "-f", str(folder / "fast.py"), "-H", url],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(STARTS):
            for name, command in commands.items():
                times[name].append(first_request_ms(command, listener))
    return {name: round(statistics.median(values), 1) for name, values in times.items()}


def summarise(figures: dict[str, Figures], starts: dict[str, float]) -> dict[str, object]:
    """Give medians and ratios."""
    cost = {name: statistics.median(item.cpu_us) for name, item in figures.items()}
    rate = {name: statistics.median(item.rate) for name, item in figures.items()}
    ratios = {
        "declarative_vs_fasthttpuser": cost["FastHttpUser"] / cost["declarative"],
        "declarative_vs_hey": cost["hey"] / cost["declarative"],
        "declarative_vs_wrk": cost["wrk"] / cost["declarative"],
        "slim_vs_fasthttpuser": cost["FastHttpUser"] / cost["SlimHttpUser"],
        "tls_vs_fasthttpuser": cost["FastHttpUser, TLS"] / cost["declarative, TLS"],
        "first_request_vs_locust": starts["locust --headless"] / starts["declarative"],
    }
    return {
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "cpu_us_per_request": {name: round(value, 2) for name, value in cost.items()},
        "requests_per_s": {name: round(value) for name, value in rate.items()},
        "first_request_ms": starts,
    }


def show(result: dict[str, object]) -> None:
    """Print the tables, as they stand in RESULTS.md."""
    cost, rate = result["cpu_us_per_request"], result["requests_per_s"]
    print("| generator | CPU us/request | requests/s |\n| --- | --- | --- |")
    for name in cost:
        print(f"| {name} | {cost[name]} | {rate[name]} |")
    print("\n| ratio | value |\n| --- | --- |")
    for name, value in result["ratios"].items():
        print(f"| {name} | {value} |")
    print("\n| first request after, ms |  |\n| --- | --- |")
    for name, value in result["first_request_ms"].items():
        print(f"| {name} | {value} |")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--window", type=float, default=4.0)
    given = parser.parse_args()
    missing = [name for name in ("nginx", "hey", "wrk", "openssl", "taskset") if shutil.which(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, nginx(Path(name)) as server:
        length_s = WARM_UP_S + given.window + 3
        commands = tools(Path(name), server, length_s)
        figures = {tool: Figures() for tool in commands}
        for _ in range(given.repeats):
            for tool, command in commands.items():
                measure(command, server, given.window, figures[tool])
        result = summarise(figures, measure_starts(Path(name)))
    show(result)
    if given.json is not None:
        given.json.write_text(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
