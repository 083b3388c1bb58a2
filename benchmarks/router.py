"""Measure the local router: requests that fail while weights change, and how true the split is.

Run: .venv/bin/python benchmarks/router.py [--json FILE]. Targets: no failed request during 100 changes at 500
requests/s, and an observed split within 2 points of the asked one over 5,000 requests for each tested weight.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from workflows.clocks import SystemClock
from workflows.local.platform import LocalPlatform, Start, start
from workflows.rollout.traffic import Arm, Route
from workflows.routers.envoy import EnvoyRouter
from workflows.workloads.processes import ProcessWorkload

EXAMPLE = Path(__file__).parents[1] / "examples" / "ad-service"
RATE = 500
CHANGES = 100
CHANGE_EVERY_S = 0.1
REQUESTS = 5000
WEIGHTS = (5, 20, 40, 60, 80, 95)
MAX_DEVIATION = 2.0
CALLERS = 10
READY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Changes:
    """Hold what a run of weight changes under traffic gave."""

    changes: int
    requests: int
    requests_per_s: float
    failed: int
    change_median_ms: float
    change_max_ms: float


@dataclass(frozen=True, slots=True)
class Split:
    """Hold the split that was observed at one weight."""

    asked_percent: int
    observed_percent: float
    requests: int
    failed: int

    @property
    def deviation(self) -> float:
        """Give how far the observed split is from the asked one, in points."""
        return abs(self.observed_percent - self.asked_percent)


class Callers:
    """Send requests from a few threads, at a rate or as fast as they go, and count who answered."""

    def __init__(self, address: str, *, rate: float = 0, requests: int = 0) -> None:
        self._address = address
        self._period_s = CALLERS / rate if rate else 0.0
        self._each = requests // CALLERS
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(index,)) for index in range(CALLERS)]
        self.answers: list[str] = []

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once the requests in flight are answered."""
        self._over.set()
        self.join()

    def join(self) -> None:
        """Wait until all requests that were asked for are answered."""
        for thread in self._threads:
            thread.join()

    def _call(self, index: int) -> None:
        host, _, port = self._address.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=10)
        due = time.monotonic() + self._period_s * index / CALLERS
        sent = 0
        while not self._over.wait(max(0.0, due - time.monotonic())) and (not self._each or sent < self._each):
            self.answers.append(_ask(connection))
            due += self._period_s
            sent += 1
        connection.close()


def _ask(connection: HTTPConnection) -> str:
    try:
        connection.request("GET", "/ad")
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException):
        connection.close()
        return "failed"
    return str(json.loads(body)["version"]) if response.status == 200 else "failed"  # noqa: PLR2004 - OK


def measure_changes(platform: LocalPlatform) -> Changes:
    """Change the weights at random while requests flow."""
    router = EnvoyRouter(platform.directory)
    callers = Callers(platform.addresses.apex, rate=RATE)
    began = time.monotonic()
    callers.start()
    took_ms = []
    for number in range(CHANGES):
        threading.Event().wait(max(0.0, began + number * CHANGE_EVERY_S - time.monotonic()))
        before = time.monotonic()
        router.shift(Route(random.randint(0, 100)))
        took_ms.append((time.monotonic() - before) * 1000)
    callers.stop()
    seconds = time.monotonic() - began
    return Changes(
        changes=CHANGES,
        requests=len(callers.answers),
        requests_per_s=round(len(callers.answers) / seconds, 1),
        failed=callers.answers.count("failed"),
        change_median_ms=round(statistics.median(took_ms), 2),
        change_max_ms=round(max(took_ms), 2),
    )


def measure_split(platform: LocalPlatform, percent: int) -> Split:
    """Count who answers at one weight."""
    EnvoyRouter(platform.directory).shift(Route(percent))
    callers = Callers(platform.addresses.apex, requests=REQUESTS)
    callers.start()
    callers.join()
    met = Counter(callers.answers)
    return Split(percent, round(100 * met["v2"] / len(callers.answers), 2), len(callers.answers), met["failed"])


def prepare(platform: LocalPlatform) -> None:
    """Bring up v2 beside v1."""
    workload = ProcessWorkload(platform.directory, SystemClock())
    workload.initialise()
    platform.apply(EXAMPLE / "deployment-v2.yaml")
    workload.scale(Arm.CANARY, up=True)
    deadline = time.monotonic() + READY_WITHIN_S
    while not workload.readiness(Arm.CANARY).ready:
        if time.monotonic() > deadline:
            raise SystemExit(f"the canary is not ready: {workload.readiness(Arm.CANARY).reason}")
        threading.Event().wait(0.05)


def report(changes: Changes, splits: Sequence[Split]) -> None:
    """Print the figures as tables."""
    print("| weight changes | requests | requests/s | failed | change, median ms | change, max ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("| " + " | ".join(str(value) for value in asdict(changes).values()) + " |\n")
    print("| asked % | observed % | deviation, points | requests | failed |")
    print("| --- | --- | --- | --- | --- |")
    for split in splits:
        row = (split.asked_percent, split.observed_percent, f"{split.deviation:.2f}", split.requests, split.failed)
        print("| " + " | ".join(str(value) for value in row) + " |")


def main() -> int:
    """Measure, print, and tell by the exit code whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        start(Path(folder), Start(EXAMPLE / "deployment-v1.yaml", owned=True)) as platform,
    ):
        prepare(platform)
        changes = measure_changes(platform)
        splits = [measure_split(platform, percent) for percent in WEIGHTS]
    report(changes, splits)
    if arguments.json:
        figures = {"changes": asdict(changes), "splits": [asdict(split) for split in splits]}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    failed = changes.failed + sum(split.failed for split in splits)
    met = not failed and all(split.deviation <= MAX_DEVIATION for split in splits)
    print("\ntargets met" if met else "\ntargets MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
