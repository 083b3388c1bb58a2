"""Measure the webhook service: gates beside runs and waiting hooks, memory, and how soon tests start.

Run: .venv/bin/python benchmarks/hook_latency.py [--json FILE]. Beside it, when Go is there, a Go net/http server that
answers the same JSON gate from memory. Targets: p99 under 10 ms at 200 calls/s while 8 runs are active and 16 hooks
wait, at most 180 MB at rest (shared pages counted once), a test's first line within 100 ms of the call.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
RATE = 200
SECONDS = 15
CALLERS = 16
BUSY_RUNS = 8
MANY_RUNS = 16
WAITING = 16
STARTS = 20
READY_S = 30.0
P99_TARGET_MS = 10.0
MEMORY_TARGET_MB = 180
START_TARGET_MS = 100.0
CATALOG = """
tests:
  busy: {kind: command, argv: [sleep, "${seconds}"], timeout: 5m, parameters: {seconds: {type: integer}}}
  clock: {kind: command, argv: [date, "+%s.%N"], parameters: {number: {type: integer}}}
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Hold how gate checks were answered."""

    server: str
    situation: str
    calls: int
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


def call(url: str, path: str, body: dict[str, object], patience_s: float = 60.0) -> tuple[int, str]:
    """Post JSON on a connection of its own, as Flagger does."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=patience_s)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def payload(name: str, **metadata: str) -> dict[str, object]:
    """Write what Flagger sends."""
    return {"name": name, "namespace": "weather", "phase": "Progressing", "checksum": "r2", "metadata": metadata}


def ask_gate(url: str) -> tuple[float, bool]:
    """Ask a gate once and give the milliseconds and whether it answered as it must."""
    began = time.monotonic()
    try:
        status, _ = call(url, "/hooks/confirm-promotion", payload("ad", gate="promotion"))
    except (OSError, http.client.HTTPException):
        status = 0
    return (time.monotonic() - began) * 1000, status == 403  # noqa: PLR2004 - the gate is closed


def measure(server: str, situation: str, url: str, rate: int) -> Latency:
    """Ask a gate at a rate, or with rate 0 as often as it answers, from a few callers."""
    taken: list[tuple[float, bool]] = []
    began = time.monotonic()
    until = began + SECONDS

    def work(index: int) -> None:
        due, pause = began + (index / rate if rate else 0.0), threading.Event()
        while time.monotonic() < until:
            pause.wait(max(0.0, due - time.monotonic()))
            taken.append(ask_gate(url))
            due += CALLERS / rate if rate else 0.0

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(work, range(CALLERS)))
    seconds = time.monotonic() - began
    times = sorted(each for each, _ in taken)
    failed = sum(not good for _, good in taken)
    p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    return Latency(server, situation, len(taken), round(len(taken) / seconds, 1), round(p50, 2), round(p99, 2), failed)


@contextlib.contextmanager
def started(command: Sequence[str], log: Path) -> Iterator[tuple[str, int]]:
    """Start a server that says where it listens, and end it with all its processes."""
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True, cwd=ROOT)
    try:
        if process.stdout is None:
            raise SystemExit("no output")
        yield process.stdout.readline().removeprefix("listening at ").strip(), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(READY_S)


def family_of(pid: int) -> list[int]:
    """List a process and everything below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def memory_mb(pid: int, *, service_alone: bool) -> tuple[int, int]:
    """Give the memory of a service in MB: summed over its processes, and with what they share counted once."""
    total = shared_once = 0
    for each in family_of(pid):
        with contextlib.suppress(OSError):
            if service_alone and b"sleep" in Path(f"/proc/{each}/cmdline").read_bytes():
                continue
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
            total += sizes["Rss"]
            shared_once += sizes["Pss"]
    return total // 1024, shared_once // 1024


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + READY_S
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not in time: {what}")
        threading.Event().wait(0.05)


def start_runs(url: str, count: int) -> None:
    """Start runs that go on for minutes, four for each canary."""
    for number in range(count):
        asked = payload(f"busy-{number // 4}", test="busy", seconds=str(200 + number), wait="1ms")
        call(url, "/hooks/pre-rollout", asked)


def running(url: str) -> int:
    """Count the runs that are under way."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    line = next(line for line in text.splitlines() if line.startswith('penstock_runs{state="running"}'))
    return int(float(line.split()[1]))


def measure_starts(url: str) -> list[float]:
    """Give the milliseconds from the call of a hook to the first line of its test, a clock."""
    took = []
    for number in range(STARTS):
        began = time.time()
        call(url, "/hooks/pre-rollout", payload("clock", test="clock", number=str(number), wait="20s"))
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/api/v1/runs?canary=clock.weather&limit=1")
        run = json.loads(connection.getresponse().read())["runs"][0]
        connection.request("GET", f"/api/v1/runs/{run['id']}/log")
        line = connection.getresponse().read().decode().split()[0]
        connection.close()
        took.append((float(line) - began) * 1000)
    return sorted(took)


def measure_ours(folder: Path) -> tuple[list[Latency], dict[str, float]]:
    """Measure the service."""
    (folder / "catalog.yaml").write_text(CATALOG)
    command = [sys.executable, "-m", "webhooks", "serve", "--port", "0", "--data-dir", str(folder / "data")]
    with started([*command, "--catalog", str(folder / "catalog.yaml")], folder / "serve.log") as (url, pid):
        wait_until(lambda: len(family_of(pid)) == 5, "two web workers and a runner")  # noqa: PLR2004 - with their owners
        wait_until(lambda: ask_gate(url)[1], "an answer")
        starts = measure_starts(url)
        idle = memory_mb(pid, service_alone=True)
        latencies = [
            measure("penstock", "at rest", url, RATE),
            measure("penstock", "at rest, as fast as it goes", url, 0),
        ]
        start_runs(url, BUSY_RUNS)
        wait_until(lambda: running(url) == BUSY_RUNS, "runs")
        with ThreadPoolExecutor(WAITING) as waiting:
            for number in range(WAITING):
                name, seconds = f"busy-{number % BUSY_RUNS // 4}", str(200 + number % BUSY_RUNS)
                asked = payload(name, test="busy", seconds=seconds, wait=f"{SECONDS + 3}s")
                waiting.submit(call, url, "/hooks/pre-rollout", asked)
            situation = f"{BUSY_RUNS} runs, {WAITING} hooks wait"
            latencies.append(measure("penstock", situation, url, RATE))
        start_runs(url, MANY_RUNS)
        wait_until(lambda: running(url) == MANY_RUNS, "more runs")
        full = memory_mb(pid, service_alone=True)
    figures = {
        "idle_rss_mb": idle[0],
        "idle_pss_mb": idle[1],
        "rss_mb_with_16_runs": full[0],
        "pss_mb_with_16_runs": full[1],
        "first_line_p50_ms": round(starts[len(starts) // 2], 1),
        "first_line_max_ms": round(starts[-1], 1),
    }
    return latencies, figures


def measure_go(folder: Path) -> list[Latency]:
    """Measure the yardstick; nothing where there is no Go."""
    if shutil.which("go") is None:
        return []
    environ = {**os.environ, "GOCACHE": str(folder / "cache"), "GO111MODULE": "off"}
    program = str(folder / "gate")
    source = str(Path(__file__).with_name("gate_server.go"))
    subprocess.run(["go", "build", "-o", program, source], check=True, env=environ, timeout=300)
    with started([program], folder / "go.log") as (url, _):
        return [
            measure("go net/http", "at rest", url, RATE),
            measure("go net/http", "at rest, as fast as it goes", url, 0),
        ]


def report(latencies: Sequence[Latency], figures: dict[str, float]) -> None:
    """Print the figures as tables."""
    print("| server | situation | calls | calls/s | p50 ms | p99 ms | failed |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for latency in latencies:
        print("| " + " | ".join(str(value) for value in asdict(latency).values()) + " |")
    print("\n| figure | value |\n| --- | --- |")
    for name, value in figures.items():
        print(f"| {name} | {value} |")


def main() -> int:
    """Measure, print, and tell by the exit code whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        latencies, figures = measure_ours(Path(folder))
        report([*latencies, *(yardstick := measure_go(Path(folder)))], figures)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        whole = {"latencies": [asdict(each) for each in [*latencies, *yardstick]], "figures": figures}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")
    faults = [f"p99 is {latencies[2].p99_ms} ms"] if latencies[2].p99_ms >= P99_TARGET_MS else []
    # What processes share is in memory once, so it is counted once.
    faults += ["memory at rest"] if figures["idle_pss_mb"] > MEMORY_TARGET_MB else []
    faults += ["start of a test"] if figures["first_line_p50_ms"] > START_TARGET_MS else []
    faults += ["calls failed"] if sum(each.failed for each in latencies) else []
    print(f"\ntargets MISSED: {', '.join(faults)}" if faults else "\ntargets met")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
