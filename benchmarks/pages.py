"""Measure the pages of a service with 10,000 stored runs, and gates beside 20 pages that are kept live.

Run: .venv/bin/python benchmarks/pages.py [--json FILE] [--runs N] [--seconds N]. Targets: every page under 200 ms
(median of 40), and p99 of gates under 10 ms at 200 calls/s while 20 pages follow events.
"""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hook_calls import Drive, Latency, Served, ask_gate, call, measure, started, wait_until

sys.path.insert(0, str(Path(__file__).parents[1]))

from webhooks.store.records import CanaryName, Run, RunOrder, RunState
from webhooks.store.sql import SqlStore, locate

RUNS = 10_000
CANARIES = 100
ASKED = 40
LIVE = 20
RATE = 200
TARGET_MS = 200.0
GATE_TARGET_MS = 10.0
LONG_LOG = 10 * 1024 * 1024
LOG_TAIL = "2026-11-23 06:00:00 GET /ad 200 12 ms\n" * 100
CATALOG = "tests: {suite: {kind: http, requests: [{path: /ad}]}, rare: {kind: http, requests: [{path: /ad}]}}\n"


@dataclass(frozen=True, slots=True)
class PageTime:
    """Hold how long a page took; `ratio` is the median over the target."""

    page: str
    kilobytes: int
    p50_ms: float
    worst_ms: float
    ratio: float


def fill(folder: Path, count: int) -> str:
    """Store runs that have ended, the oldest with a log of 10 MiB, and give the id of that one."""
    store = SqlStore(locate("", folder))
    states = (RunState.PASSED, RunState.FAILED, RunState.INCONCLUSIVE)
    began = time.time() - count
    for number in range(count):
        canary = CanaryName("weather", f"ad-{number % CANARIES}")
        test = "rare" if number < 3 else "suite"  # noqa: PLR2004 - a few that stand at the very end
        order = RunOrder(f"k{number}", canary, 1, "rollout", test, "{}", "http://ad-canary.weather:80")
        at = began + number
        run = Run(f"{number:032x}", order, at, states[number % 3], standing=False, started_at=at, ended_at=at + 1)
        store.runs.join(_with_log(run))
    store.logs.append(f"{0:032x}", (LOG_TAIL.encode() * (LONG_LOG // len(LOG_TAIL) + 1))[:LONG_LOG], LONG_LOG)
    store.close()
    return f"{0:032x}"


def _with_log(run: Run) -> Run:
    report = json.dumps({"requests": 1000, "failures": 0})
    fields = {name: getattr(run, name) for name in run.__slots__}
    return Run(**{**fields, "log": LOG_TAIL, "report": report, "reason": "12 of 12 checks passed"})


def list_pages(url: str, run: str) -> Iterator[str]:
    """List the pages, also those that are hard: the last of a list, a filter that almost nothing passes."""
    yield from ("/ui/", "/ui/releases", "/ui/runs", "/ui/gates", "/ui/catalog", "/ui/gates/weather/ad/promotion")
    yield from ("/ui/runs?canary=ad-7.weather", "/ui/runs?state=failed", "/ui/runs?test=rare")
    yield from ("/ui/runs?canary=ad-7.weather&state=lost", f"/ui/runs/{run}", f"/ui/live/runs/{run}?from=0.0")
    page = "/ui/runs"
    for _ in range(10):
        text = call(url, page)[1]
        page = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    yield page


def time_page(url: str, page: str) -> PageTime:
    """Ask for a page again and again."""
    times, size = [], 0
    for _ in range(ASKED):
        began = time.monotonic()
        status, text = call(url, page)
        times.append((time.monotonic() - began) * 1000)
        size = len(text)
        if status != 200:  # noqa: PLR2004 - anything else is no page
            raise RuntimeError(f"{page}: status {status}: {text[-500:]}")
    times.sort()
    median = times[len(times) // 2]
    shown = page if len(page) < 60 else page[:57] + "..."  # noqa: PLR2004 - the width of a table
    return PageTime(shown, size // 1024, round(median, 1), round(times[-1], 1), round(median / TARGET_MS, 3))


@contextmanager
def following(url: str) -> Iterator[None]:
    """Keep pages open that follow events, some of each kind."""
    parts = urlsplit(url)
    paths = ("/ui/live/start", "/ui/live/runs", "/ui/live/gates", "/ui/live/gates/weather/ad/promotion")
    with ExitStack() as stack:
        for number in range(LIVE):
            opened = stack.enter_context(socket.create_connection((parts.hostname or "", parts.port or 80), 20))
            opened.sendall(f"GET {paths[number % len(paths)]} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            if not opened.recv(65536).startswith(b"HTTP/1.1 200 "):
                raise RuntimeError("a page was not followed")
        yield


def measure_all(folder: Path, count: int, seconds: float) -> tuple[list[PageTime], list[Latency]]:
    """Measure pages, then gates without and with pages that are open."""
    (folder / "data").mkdir()
    (folder / "catalog.yaml").write_text(CATALOG)
    run = fill(folder / "data", count)
    place = ["--port", "0", "--data-dir", str(folder / "data"), "--catalog", str(folder / "catalog.yaml")]
    command = [sys.executable, "-m", "webhooks", "serve", *place]
    with started("penstock", command, folder / "serve.log") as served:
        wait_until(lambda: ask_gate(served.url), "an answer")
        pages = [time_page(served.url, page) for page in list_pages(served.url, run)]
        return pages, measure_gates(served, seconds)


def measure_gates(served: Served, seconds: float) -> list[Latency]:
    """Ask gates, without and with pages that are kept live."""
    alone = measure(served, Drive("no page open", RATE, seconds, ask_gate))
    with following(served.url):
        return [alone, measure(served, Drive(f"{LIVE} live pages", RATE, seconds, ask_gate))]


def report(pages: list[PageTime], gates: list[Latency]) -> None:
    """Print the figures as tables."""
    print(f"| page | KiB | p50 ms | worst ms | p50 / {TARGET_MS:.0f} ms |\n| --- | --- | --- | --- | --- |")
    for page in pages:
        print("| " + " | ".join(str(value) for value in asdict(page).values()) + " |")
    print("\n| gates | calls/s | p50 ms | p99 ms | CPU us/call | failed | load average |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in gates:
        values = (one.situation, one.calls_per_s, one.p50_ms, one.p99_ms, one.cpu_us, one.failed, one.load)
        print("| " + " | ".join(map(str, values)) + " |")


def main() -> int:
    """Measure, print, and tell by the exit code whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="how many runs are stored")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="N", help="how long gates are measured")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        pages, gates = measure_all(folder, asked.runs, asked.seconds)
    finally:
        shutil.rmtree(folder)
    report(pages, gates)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"pages": [asdict(page) for page in pages], "gates": [asdict(one) for one in gates]}
        asked.json.write_text(json.dumps(figures | {"load": os.getloadavg()[0]}, indent=2) + "\n")
    slow = [page.page for page in pages if page.ratio >= 1]
    slow += [one.situation for one in gates if one.p99_ms >= GATE_TARGET_MS or one.failed]
    print(f"\ntargets MISSED: {', '.join(slow)}" if slow else "\ntargets met")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
