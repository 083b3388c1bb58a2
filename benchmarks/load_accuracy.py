"""Check that the open model keeps its rate and spacing, tells the truth about a stalling target, and stays small.

Run it as `python benchmarks/load_accuracy.py [--json FILE] [--window S]`. The target is a process of its own on the
last core that notes when each request arrives; with a stall it answers nothing for the first second of every five,
so that the true latencies are known: a request that arrives during the stall waits for its end. Where the kernel allows
it, target and generator run with real-time priority, so that other work on the machine is not taken for theirs.
"""

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from loadtester.engine.recorder import Recorder
from loadtester.plan import Limits
from loadtester.report import Histogram, LoadReport, Timeline

SERVER_CORE = str((os.cpu_count() or 1) - 1)
STALL_EVERY_S, STALL_S = 5.0, 1.0
REAL_TIME = ["chrt", "-f", "10"]

TARGET = r"""
import asyncio, json, signal, sys, time
arrivals, held, stall = [], [], sys.argv[2] == "stall"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

class Site(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        now = time.perf_counter()
        arrivals.append(now)
        if stall and arrivals and (now - arrivals[0]) % 5.0 < 1.0:
            held.append(self.transport)
            if len(held) == 1:
                loop.call_later(1.0 - (now - arrivals[0]) % 5.0, release)
        else:
            self.transport.write(ANSWER)

def release():
    for transport in held:
        transport.write(ANSWER)
    held.clear()

async def serve():
    global loop
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Site, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    done = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, done.set)
    await done.wait()
    open(sys.argv[1], "w").write(json.dumps(arrivals))

asyncio.run(serve())
"""


def priority() -> list[str]:
    """Give the words that make a command real-time, none where that is not allowed."""
    try:
        allowed = subprocess.run([*REAL_TIME, "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        allowed = False
    return REAL_TIME if allowed else []


def run(rate: int, seconds: float, *, stall: bool) -> tuple[LoadReport, list[float]]:
    """Load the target and give the report and the arrivals that it saw."""
    with tempfile.TemporaryDirectory() as name:
        notes, document = Path(name) / "arrivals.json", Path(name) / "run.json"
        pinned = [*priority(), "taskset", "-c"]
        command = [*pinned, SERVER_CORE, sys.executable, "-c", TARGET, str(notes), "stall" if stall else "steady"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as target:
            port = target.stdout.readline().strip() if target.stdout else ""
            url = f"http://127.0.0.1:{port}"
            plan = Path(name) / "plan.json"
            plan.write_text(json.dumps({"target": url, "rate": rate, "duration": seconds, "connections": 2000}))
            ours = [sys.executable, "-m", "loadtester", "run", str(plan), "--json", str(document)]
            subprocess.run([*pinned, "0", *ours], check=False, capture_output=True)
            target.send_signal(signal.SIGTERM)
        arrivals = json.loads(notes.read_text())
        return LoadReport.from_dict(json.loads(document.read_text())["report"]), arrivals


def spacing(rate: int, seconds: float) -> dict[str, float]:
    """Measure how well a steady rate is kept."""
    report, arrivals = run(rate, seconds, stall=False)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(arrivals))
    achieved = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    return {
        "rate": rate,
        "achieved": round(achieved, 2),
        "rate_error_percent": round(abs(achieved - rate) / rate * 100, 3),
        "gap_p50_ms": round(statistics.median(gaps) * 1000, 3),
        "gap_p99_over_ideal": round(gaps[int(len(gaps) * 0.99)] * rate, 2),
        "dropped": report.dropped,
        "lag_p99_ms": round(report.lag.percentile_ms(0.99) or 0, 3),
        "p99_ms": round(report.percentile_ms(0.99) or 0, 3),
    }


def truth_of(rate: int, seconds: float) -> Histogram:
    """Give the latencies that a stalling target really causes."""
    waits = []
    for number in range(int(rate * seconds)):
        phase = (number / rate) % STALL_EVERY_S
        waits.append(int((STALL_S - phase) * 1e6) if phase < STALL_S else 200)
    return Histogram.of(waits)


def stalled(rate: int, seconds: float) -> dict[str, float]:
    """Measure what is told of a target that stalls."""
    report, _ = run(rate, seconds, stall=True)
    truth = truth_of(rate, seconds)
    result: dict[str, float] = {"rate": rate, "dropped": report.dropped}
    for share in (0.95, 0.99):
        told, true = report.percentile_ms(share) or 0.0, truth.percentile_ms(share) or 0.0
        key = f"p{share * 100:.0f}"
        result |= {f"{key}_told_ms": round(told, 1), f"{key}_true_ms": round(true, 1)}
        result[f"{key}_error_percent"] = round(abs(told - true) / true * 100, 2)
    return result


def memory_of_an_hour() -> dict[str, float]:
    """Drive the recorder through an hour at 500/s with a million URLs, and say how much it grew."""
    page_mb = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
    resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * page_mb  # noqa: E731 - read twice
    recorder, timeline, before = Recorder(Limits()), Timeline(), resident()
    total = 3600 * 500
    for number in range(total):
        url = f"/item-{number % 1_000_000:x}-of/{number}"
        entry = recorder.folded_entry(url)
        entry.record(number % 900_000, number % 900_000, 200, 120)
        if number % 1000 == 0:
            recorder.fail(entry, f"class {number}", url)
        if number % 5000 == 0:
            health = LoadReport().health
            timeline.add(recorder.snapshot(number / 500 + 1, number, health))
    return {"requests": total, "grown_mb": round(resident() - before, 1), "names": len(recorder.entries)}


def show(title: str, rows: list[dict[str, float]]) -> None:
    """Print one table, as it stands in RESULTS.md."""
    print(f"\n{title}\n\n| {' | '.join(rows[0])} |\n|{' --- |' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(str(value) for value in row.values())} |")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--window", type=float, default=10.0)
    given = parser.parse_args()
    result = {
        "spacing": [spacing(rate, given.window) for rate in (200, 1000, 5000)],
        "stalled": [stalled(rate, 2 * given.window) for rate in (200, 1000)],
        "memory": [memory_of_an_hour()],
    }
    for title, rows in result.items():
        show(title, rows)
    result["scheduling"] = [{"real_time": float(bool(priority()))}]
    print(f"\nscheduling: {'real-time' if priority() else 'ordinary'}")
    if given.json is not None:
        given.json.write_text(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
