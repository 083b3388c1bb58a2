"""Measure the evidence judge against Flagger's rule on simulated releases: what it rolls back, how soon, at what cost.

Run it as `python benchmarks/judge.py [--json FILE] [--quick] [--seed N] [--processes N]`; about 15 minutes on two
free cores. It drives the product's own judge and ladder. Exit code 1 when a figure misses its target (not in --quick).
"""

import argparse
import json
import math
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from judging import figures, looks, scenarios
from judging.measurement import JUDGES, RULES, Job, Summary, measure
from judging.processes import spread

RUNS = {
    ("evidence", "null"): 1200,
    ("evidence", "clusters"): 1500,
    ("evidence", "5x"): 1200,
    ("evidence", "50%"): 500,
    ("evidence", "latency"): 1000,
}
OTHER_RUNS = 200
LOOKS = 1000
ANYTIME_BASES = (0.001, 0.03, 0.3)
BOUNDARY = 1.1
ANYTIME_RUNS = {1.0: 300, BOUNDARY: 100}


def plan(seed: int, *, quick: bool) -> list[Job]:
    """List the jobs, the longest first, so that both processes end together."""
    jobs = [
        Job(seed, judge, cell, 1 if quick else RUNS.get((judge, cell.group), OTHER_RUNS))
        for cell in scenarios.list_all()
        for judge in JUDGES
        if not (quick and cell.group == "more")
    ]
    return sorted(jobs, key=lambda job: -job.runs)


def measure_anytime(seed: int, processes: int, *, quick: bool) -> dict[str, float]:
    """Measure how often the comparison ever reaches 100, for an equal canary and one at the tolerated ratio."""
    count = 20 if quick else LOOKS
    shares = {}
    for ratio, wanted in ANYTIME_RUNS.items():
        runs = 1 if quick else wanted
        for base in ANYTIME_BASES:
            cross = partial(looks.ever_crosses, base=base, looks=count, ratio=ratio)
            seeds = [f"{seed}/looks/{base}/{ratio}/{number}" for number in range(runs)]
            shares[f"base {100 * base:g} %, odds x{ratio:g}"] = sum(spread(cross, seeds, processes, 20)) / runs
    return shares


def show_cells(cells: list[Summary]) -> None:
    """Print every cell: rolled back % / promoted % / paused %, mean s to rollback / to promote, excess failed."""
    print(
        "| cell | judge | runs | rolled back % | promoted % | paused % | s to rollback | s to promote | excess failed |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    order = {name: place for place, name in enumerate(JUDGES)}
    place = {cell.name: number for number, cell in enumerate(scenarios.list_all())}
    for c in sorted(cells, key=lambda each: (place[each.name], order[each.judge])):
        ends = " | ".join(f"{100 * share:.1f}" for share in (c.rolled_back, c.promoted, c.paused))
        times = " | ".join("-" if s is None else f"{s:.0f}" for s in (c.roll_back_s, c.promote_s))
        print(f"| {c.name} | {c.judge} | {c.runs} | {ends} | {times} | {c.excess:.1f} |")


def show_figures(ours: dict[str, float], flagger: dict[str, dict[str, float]]) -> bool:
    """Print every figure beside its target and Flagger's; tell whether all are reached."""
    print(f"\n| figure | target | evidence | {' | '.join(flagger)} | reached |")
    print("| --- | --- | --- |" + " --- |" * (len(flagger) + 1))
    reached = []
    for figure in (*figures.FIGURES, figures.ANYTIME):
        value = ours[figure.name]
        reached.append(figure.reached(value))
        others = " | ".join(show(each.get(figure.name)) for each in flagger.values())
        target = f"{'<=' if figure.most else '>='} {figure.target:g}"
        print(f"| {figure.says} | {target} | {show(value)} | {others} | {'yes' if reached[-1] else 'NO'} |")
    return all(reached)


def show(value: float | None) -> str:
    """Shorten a figure."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"


def make_finite(value: object) -> object:
    """Replace what JSON has no number for by null."""
    if isinstance(value, dict):
        return {key: make_finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [make_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="a smoke test of seconds; its figures mean nothing")
    parser.add_argument("--seed", type=int, default=7, help="the seed of all runs (default 7)")
    parser.add_argument("--processes", type=int, default=2, help="how many processes run it (default 2)")
    options = parser.parse_args()
    begun = time.monotonic()
    cells = list(measure(plan(options.seed, quick=options.quick), options.processes))
    anytime = measure_anytime(options.seed, options.processes, quick=options.quick)
    equal = max(share for name, share in anytime.items() if name.endswith("x1"))
    ours = {**figures.read_all(cells), figures.ANYTIME.name: equal}
    flagger = {rule.name: figures.read_all(cells, {rule.name}) for rule in RULES}
    show_cells(cells)
    print("\nP(E ever >= 100), 1,000 looks:", ", ".join(f"{name}: {share:.4f}" for name, share in anytime.items()))
    reached = show_figures(ours, flagger)
    took = time.monotonic() - begun
    print(f"\nseed {options.seed}, {sum(c.runs for c in cells)} releases, {took:.0f} s")
    if options.json:
        record = {"figures": ours, "targets": {f.name: f.target for f in figures.FIGURES}, "seed": options.seed}
        more = {"flagger": flagger, "anytime": anytime, "quick": options.quick, "seconds": round(took)}
        whole = {**record, **more, "cells": [asdict(c) for c in cells]}
        options.json.write_text(json.dumps(make_finite(whole), indent=1) + "\n")
    return 0 if reached or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
