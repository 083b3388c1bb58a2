"""How long `penstock --version` and `penstock --help` take, as whole processes, beside `python -c pass`.

Run it as `python benchmarks/cli_start.py [--runs N] [--json FILE]`; exit code 1 when a median misses its limit.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LIMITS_S = {"--version": 0.25, "--help": 0.4}
PENSTOCK = str(Path(sys.executable).with_name("penstock"))


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from the start of a process to its end."""

    best_s: float
    median_s: float


def time_one(command: Sequence[str]) -> float:
    """Run a command to its end and give the seconds."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return time.perf_counter() - begun


def measure(command: Sequence[str], runs: int) -> Figures:
    """Time several runs, after one that fills the caches."""
    time_one(command)
    seconds = sorted(time_one(command) for _ in range(runs))
    return Figures(round(seconds[0], 3), round(statistics.median(seconds), 3))


def main() -> int:
    """Measure, print, and keep as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="how often each is run (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    bare = measure((sys.executable, "-c", "pass"), arguments.runs)
    figures = {option: measure((PENSTOCK, option), arguments.runs) for option in LIMITS_S}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {load:.1f} at the start")
    print(f"python -c pass: {bare.best_s} s at best, {bare.median_s} s median")
    for option, each in figures.items():
        share, times = each.median_s / LIMITS_S[option], each.median_s / bare.median_s
        print(
            f"penstock {option}: {each.best_s} s at best, {each.median_s} s median; "
            f"{share:.2f} of the limit of {LIMITS_S[option]} s, {times:.1f} times python -c pass"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({name: asdict(each) for name, each in figures.items()}))
    return int(any(each.median_s > LIMITS_S[option] for option, each in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
