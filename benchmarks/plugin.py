"""Measure how fast the executor plugin of Argo Workflows answers, at as many concurrent calls as an agent makes.

Run: .venv/bin/python benchmarks/plugin.py [--json FILE] [--seconds N]. An agent has 16 workers: they ask at the same
moment, ten times a second, for nodes whose runs go on; then for nodes that are new, each of which orders a run. Target:
p99 at 16 concurrent calls within 50 ms. Beside it stands the liveness of the service, asked likewise: what the machine
does at that moment, and what both do when they are asked as fast as it goes.
"""

import argparse
import json
import socket
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

from hook_calls import CALLERS, Drive, Latency, Served, call, family_of, measure, spent_s, started, wait_until

TARGET_MS = 50.0
PATH = "/api/v1/template.execute"
TOKEN = "of-no-agent"  # noqa: S105 - it opens nothing but the service started here
WORKFLOWS, RATE, NEW_RATE = 4, 160, 20
UNDER_WAY = frozenset({"Pending", "Running"})


def ask(url: str, target: str, number: int) -> str:
    """Ask for one node, a request that nobody answers, and give its phase; nodes are spread over workflows."""
    workflow = {"name": f"release-{number % WORKFLOWS}", "namespace": "weather", "uid": "6f1d2c9a"}
    test = {"kind": "http", "target": target, "requests": [{"path": "/"}]}
    template = {"name": "smoke", "plugin": {"penstock": {"opId": f"release[{number}].smoke", "test": test}}}
    sent = {"workflow": {"metadata": workflow}, "template": template}
    status, text = call(url, PATH, sent, headers={"Authorization": f"Bearer {TOKEN}"})
    return str(json.loads(text)["node"]["phase"]) if status == 200 else str(status)  # noqa: PLR2004 - an answer


def measure_all(folder: Path, seconds: float, target: str) -> list[Latency]:
    """Serve the plugin and measure each situation."""
    (folder / "token").write_text(TOKEN)
    places = [f"--argo-token={folder / 'token'}", f"--data-dir={folder / 'data'}", "--port=0"]
    command = [sys.executable, "-m", "workflows", "serve", "--argo-plugin", *places]

    def alive(url: str, _: int) -> bool:
        return call(url, "/healthz")[0] == 200  # noqa: PLR2004 - it is

    def known(url: str, number: int) -> bool:
        return ask(url, target, number % CALLERS) in UNDER_WAY

    def new(url: str, number: int) -> bool:
        return ask(url, target, CALLERS + number) in UNDER_WAY

    with started("penstock", command, folder / "serve.log") as served:
        wait_until(lambda: call(served.url, "/readyz")[0] == 200, "a plugin that is ready")  # noqa: PLR2004 - it is
        wait_until(lambda: {ask(served.url, target, number) for number in range(CALLERS)} == {"Running"}, "runs")
        # Sixteen processes that start take both cores for some seconds.
        wait_until(lambda: is_idle(served), "runs that have started")
        drives = [
            Drive(f"liveness, {CALLERS} at once", RATE, seconds, alive, together=True),
            Drive(f"{CALLERS} nodes under way, {CALLERS} at once", RATE, seconds, known, together=True),
            Drive(f"new nodes, {NEW_RATE} calls/s", NEW_RATE, seconds, new),
            Drive("liveness, as fast as it goes", 0, seconds, alive),
            Drive(f"{CALLERS} nodes under way, as fast as it goes", 0, seconds, known),
        ]
        return [measure(served, drive) for drive in drives]


def is_idle(served: Served) -> bool:
    """Tell whether a service takes less than a tenth of a core over a second."""
    family = family_of(served.pid)
    before = spent_s(family)
    threading.Event().wait(1.0)
    return spent_s(family) - before < 0.1  # noqa: PLR2004 - a tenth


def report(latencies: list[Latency]) -> None:
    """Print the figures, each with what it is of the target."""
    print("| situation | calls | calls/s | p50 ms | p99 ms | p99 of target | CPU us/call | failed | load average |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in latencies:
        shown = [each.situation, each.calls, each.calls_per_s, each.p50_ms, each.p99_ms]
        shown += [round(each.p99_ms / TARGET_MS, 2), each.cpu_us, each.failed, each.load]
        print("| " + " | ".join(map(str, shown)) + " |")


def main() -> int:
    """Measure, print, and tell by the exit code whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="N", help="how long each situation is measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        latencies = measure_all(Path(folder), asked.seconds, f"http://127.0.0.1:{silent.getsockname()[1]}")
    report(latencies)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps([asdict(each) for each in latencies], indent=2) + "\n")
    missed = [each.situation for each in latencies[1:3] if each.p99_ms > TARGET_MS or each.failed]
    print(f"\ntarget MISSED: {', '.join(missed)}" if missed else "\ntarget met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
