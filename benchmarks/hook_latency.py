"""Measure the webhook service: gates beside runs, waiting hooks and live pages, read-back, memory, start of tests.

Run: .venv/bin/python benchmarks/hook_latency.py [--json FILE] [--seconds N]. Beside it, when Go is there, a Go net/http
server that answers the same JSON gate from memory. Targets: p99 under 10 ms at 200 calls/s while 8 runs are active, 16
hooks wait and 20 live pages are open; 300 hooks/s of 1,000 canaries with read-back; at most 180 MB at rest; a test's
first line within 100 ms of the call.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from canary_api import CANARIES, NAMESPACES
from hook_calls import (
    Drive,
    Latency,
    Served,
    ask_gate,
    call,
    family_of,
    measure,
    memory_mb,
    payload,
    started,
    wait_until,
)

RATE = 200
HOOK_RATE = 300
BUSY_RUNS = 8
MANY_RUNS = 16
WAITING = 16
PAGES = 20
STARTS = 20
P99_TARGET_MS = 10.0
MEMORY_TARGET_MB = 180
START_TARGET_MS = 100.0
CALLS_TO_SETTLE = 20
BUSY = f"{BUSY_RUNS} runs, {WAITING} hooks wait, {PAGES} live pages"
READ_BACK = f"{HOOK_RATE}/s of {NAMESPACES * CANARIES} canaries, read back"
CATALOG = """
tests:
  busy: {kind: command, argv: [sleep, "${seconds}"], timeout: 5m, parameters: {seconds: {type: integer}}}
  clock: {kind: command, argv: [date, "+%s.%N"], parameters: {number: {type: integer}}}
"""


def serve(folder: Path, *flags: str) -> list[str]:
    """Write the command of the service."""
    (folder / "catalog.yaml").write_text(CATALOG)
    place = ["--port", "0", "--data-dir", str(folder / "data"), "--catalog", str(folder / "catalog.yaml")]
    return [sys.executable, "-m", "webhooks", "serve", *place, *flags]


def start_runs(url: str, count: int) -> None:
    """Start runs that go on for minutes, four for each canary."""
    for number in range(count):
        asked = payload(f"busy-{number // 4}", test="busy", seconds=str(200 + number), wait="1ms")
        call(url, "/hooks/pre-rollout", asked)


def running(url: str) -> int:
    """Count the runs that are under way."""
    text = call(url, "/metrics")[1]
    line = next(line for line in text.splitlines() if line.startswith('penstock_runs{state="running"}'))
    return int(float(line.split()[1]))


def measure_starts(url: str) -> list[float]:
    """Give the milliseconds from the call of a hook to the first line of its test, a clock."""
    took = []
    for number in range(STARTS):
        began = time.time()
        call(url, "/hooks/pre-rollout", payload("clock", test="clock", number=str(number), wait="20s"))
        run = json.loads(call(url, "/api/v1/runs?canary=clock.weather&limit=1")[1])["runs"][0]
        line = call(url, f"/api/v1/runs/{run['id']}/log")[1].split()[0]
        took.append((float(line) - began) * 1000)
    return sorted(took)


def established(url: str) -> int:
    """Count the connections that the server holds open (Linux: /proc/net/tcp, state 01)."""
    port = f":{int(url.rpartition(':')[2]):04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)


def measure_busy(served: Served, seconds: float) -> Latency:
    """Ask gates while runs are under way, hooks wait for them, and pages wait for them to end."""
    start_runs(served.url, BUSY_RUNS)
    wait_until(lambda: running(served.url) == BUSY_RUNS, "runs")
    runs = json.loads(call(served.url, f"/api/v1/runs?state=running&limit={BUSY_RUNS}")[1])["runs"]
    with ThreadPoolExecutor(WAITING + PAGES) as open_calls:
        for number in range(WAITING):
            name, lasts = f"busy-{number % BUSY_RUNS // 4}", str(200 + number % BUSY_RUNS)
            asked = payload(name, test="busy", seconds=lasts, wait=f"{seconds + 3}s")
            open_calls.submit(call, served.url, "/hooks/pre-rollout", asked)
        for number in range(PAGES):
            path = f"/api/v1/runs/{runs[number % BUSY_RUNS]['id']}/wait?seconds={int(seconds) + 3}"
            open_calls.submit(call, served.url, path)
        # What is measured is the state in which all of them wait, not the moment in which they come.
        wait_until(lambda: established(served.url) >= WAITING + PAGES, "hooks and pages that wait")
        for _ in range(CALLS_TO_SETTLE):
            call(served.url, "/healthz")
        return measure(served, Drive(BUSY, RATE, seconds, ask_gate))


def measure_ours(folder: Path, seconds: float, flags: Sequence[str]) -> tuple[list[Latency], dict[str, float]]:
    """Measure the service without a cluster."""
    with started("penstock", serve(folder, *flags), folder / "serve.log") as served:
        wait_until(lambda: call(served.url, "/readyz")[0] == 200, "a service that is ready")  # noqa: PLR2004 - it is
        starts = measure_starts(served.url)
        idle = memory_mb(family_of(served.pid))
        service = family_of(served.pid)
        latencies = [
            measure(served, Drive("at rest", RATE, seconds, ask_gate)),
            measure(served, Drive("at rest, as fast as it goes", 0, seconds, ask_gate)),
            measure_busy(served, seconds),
        ]
        start_runs(served.url, MANY_RUNS)
        wait_until(lambda: running(served.url) == MANY_RUNS, "more runs")
        full = memory_mb(service)
    return latencies, {
        "idle_rss_mb": idle[0],
        "idle_pss_mb": idle[1],
        "rss_mb_with_16_runs": full[0],
        "pss_mb_with_16_runs": full[1],
        "first_line_p50_ms": round(starts[len(starts) // 2], 1),
        "first_line_max_ms": round(starts[-1], 1),
    }


def ask_listed(url: str, number: int) -> bool:
    """Ask the gate of one of the canaries that the stand-in for a cluster knows."""
    asked = payload(f"ad-{number // NAMESPACES % CANARIES}", gate="promotion")
    answer = call(url, "/hooks/confirm-promotion", asked | {"namespace": f"team-{number % NAMESPACES}"})
    return answer[0] == 403 and answer[1].startswith("waiting for approval")  # noqa: PLR2004 - the gate is closed


def measure_read_back(folder: Path, seconds: float, flags: Sequence[str]) -> list[Latency]:
    """Measure the service that verifies hooks of many canaries, each asked once before."""
    stand_in = [sys.executable, str(Path(__file__).with_name("canary_api.py"))]
    with started("cluster", stand_in, folder / "cluster.log") as cluster:
        here = {"name": "here", "cluster": {"server": cluster.url}}
        context = {"name": "here", "context": {"cluster": "here", "user": "here"}}
        users = [{"name": "here", "user": {}}]
        config = {"current-context": "here", "clusters": [here], "contexts": [context], "users": users}
        (folder / "kubeconfig").write_text(json.dumps(config))
        command = serve(folder, "--verify-hooks", "enforce", *flags)
        environ = {"KUBECONFIG": str(folder / "kubeconfig")}
        with started("penstock", command, folder / "serve.log", environ) as served:
            wait_until(lambda: ask_listed(served.url, 0), "an answer")
            for number in range(NAMESPACES * CANARIES):
                ask_listed(served.url, number)
            return [measure(served, Drive(READ_BACK, HOOK_RATE, seconds, ask_listed))]


def measure_go(folder: Path, seconds: float) -> list[Latency]:
    """Measure the yardstick; nothing where there is no Go."""
    if shutil.which("go") is None:
        return []
    environ = {**os.environ, "GOCACHE": str(folder / "cache"), "GO111MODULE": "off"}
    program = str(folder / "gate")
    source = str(Path(__file__).with_name("gate_server.go"))
    subprocess.run(["go", "build", "-o", program, source], check=True, env=environ, timeout=300)
    with started("go net/http", [program], folder / "go.log") as served:
        return [
            measure(served, Drive("at rest", RATE, seconds, ask_gate)),
            measure(served, Drive("at rest, as fast as it goes", 0, seconds, ask_gate)),
        ]


def report(latencies: Sequence[Latency], figures: dict[str, float]) -> None:
    """Print the figures as tables."""
    print("| server | situation | calls | calls/s | p50 ms | p99 ms | CPU us/call | failed | load average |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for latency in latencies:
        print("| " + " | ".join(str(value) for value in asdict(latency).values()) + " |")
    print("\n| figure | value |\n| --- | --- |")
    for name, value in figures.items():
        print(f"| {name} | {value} |")


def find_faults(latencies: Sequence[Latency], figures: dict[str, float]) -> list[str]:
    """Say which targets were missed."""
    by_situation = {latency.situation: latency for latency in latencies if latency.server == "penstock"}
    busy, read_back = by_situation[BUSY], by_situation[READ_BACK]
    return [
        *([f"p99 is {busy.p99_ms} ms"] if busy.p99_ms >= P99_TARGET_MS else []),
        *([f"{read_back.calls_per_s} hooks/s with read-back"] if read_back.calls_per_s < HOOK_RATE * 0.99 else []),
        *(["memory at rest"] if figures["idle_rss_mb"] > MEMORY_TARGET_MB else []),
        *(["start of a test"] if figures["first_line_p50_ms"] > START_TARGET_MS else []),
        *(["calls failed"] if sum(each.failed for each in latencies) else []),
    ]


def main() -> int:
    """Measure, print, and tell by the exit code whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--seconds", type=float, default=15.0, metavar="N", help="how long each situation is measured")
    parser.add_argument("flags", nargs="*", help="flags of the service, after --")
    asked = parser.parse_args()
    folders = [Path(tempfile.mkdtemp()) for _ in range(3)]
    try:
        latencies, figures = measure_ours(folders[0], asked.seconds, asked.flags)
        latencies += measure_read_back(folders[1], asked.seconds, asked.flags)
        latencies += measure_go(folders[2], asked.seconds)
    finally:
        for folder in folders:
            shutil.rmtree(folder)
    report(latencies, figures)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        whole = {"latencies": [asdict(each) for each in latencies], "figures": figures}
        asked.json.write_text(json.dumps(whole, indent=2) + "\n")
    faults = find_faults(latencies, figures)
    print(f"\ntargets MISSED: {', '.join(faults)}" if faults else "\ntargets met")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
