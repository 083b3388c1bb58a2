"""How long `penstock render` takes, from the start of the process to its end, for every example canary.

Run it as `python benchmarks/render.py [--json FILE]`; exit code 1 when the best run of any misses the limit. CPU
seconds say the same on a busy machine.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

RUNS = 4
LIMIT_S = 0.5
ROOT = Path(__file__).parents[1]
KINDS = ("argo", "tekton")
WITHOUT_CANARY = ("argo-templates", "tekton-catalog")


def list_commands() -> Iterator[tuple[str, list[str]]]:
    """List what is rendered: each canary of the examples by each engine, and what is shipped for all."""
    canaries = [ROOT / "examples/ad-service/canary.yaml", *sorted((ROOT / "examples/canaries").glob("*.yaml"))]
    for kind in KINDS:
        for canary in canaries:
            yield f"{kind}, {canary.parent.name}/{canary.name}", [kind, "--canary", str(canary)]
    for kind in WITHOUT_CANARY:
        yield kind, [kind]


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of whole processes, and CPU seconds of one."""

    best_s: float
    median_s: float
    cpu_s: float


def time_one(words: list[str]) -> float:
    """Render once and give the seconds of the whole process."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "workflows", "render", *words], check=True, capture_output=True, timeout=60)
    return time.monotonic() - begun


def measure(words: list[str]) -> Figures:
    """Time several runs, after one that fills the caches."""
    time_one(words)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = [time_one(words) for _ in range(RUNS)]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures(round(min(seconds), 3), round(statistics.median(seconds), 3), round(cpu / RUNS, 3))


def main() -> int:
    """Measure, print, and keep as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    figures = {name: measure(words) for name, words in list_commands()}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load:.1f} at the start")
    for name, each in figures.items():
        print(f"{name}: {each.best_s} s at best, {each.median_s} s median; CPU {each.cpu_s} s")
    slowest = max(each.best_s for each in figures.values())
    print(f"slowest: {slowest} s of {LIMIT_S} s, {slowest / LIMIT_S:.2f} of the limit")
    if arguments.json:
        kept = {name: asdict(each) for name, each in figures.items()}
        arguments.json.write_text(json.dumps({"limit_s": LIMIT_S, "figures": kept}))
    return int(slowest > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
