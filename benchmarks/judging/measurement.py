"""Run the cells under every judge, in two processes, and sum up how the releases ended.

Every run has a seed of its own made of the benchmark's seed, the judge, the cell and the run's number, so a figure does
not depend on which process ran it.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from judging import flagger, releases
from judging.flagger import Rule, Run
from judging.processes import spread
from judging.scenarios import WEIGHTS, Cell
from workflows.rollout.terms import Mode

RULES = (Rule(99, 60), Rule(95, 60), Rule(99, 10), Rule(95, 10))
JUDGES: dict[str, Rule | Mode] = {
    "evidence": Mode.NORMAL,
    "evidence-strict": Mode.STRICT,
    **{rule.name: rule for rule in RULES},
}
HORIZON_S = 1800.0


@dataclass(frozen=True, slots=True)
class Job:
    """Ask for the runs of one cell under one judge."""

    seed: int
    judge: str
    cell: Cell
    runs: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Sum up one cell under one judge: shares of endings, mean seconds, mean failed requests.

    `excess` is how many more user requests failed within 30 minutes than the primary would have failed, and includes
    those of a bad version that was promoted.
    """

    judge: str
    group: str
    name: str
    rps: float
    runs: int
    promoted: float
    rolled_back: float
    paused: float
    promote_s: float | None
    roll_back_s: float | None
    failed: float
    excess: float


def measure(jobs: list[Job], processes: int) -> Iterator[Summary]:
    """Run all jobs; summaries come in the order of the jobs."""
    return spread(run, jobs, processes)


def run(job: Job) -> Summary:
    """Run one cell under one judge."""
    runs = [_run_once(job, number) for number in range(job.runs)]
    return Summary(
        judge=job.judge,
        group=job.cell.group,
        name=job.cell.name,
        rps=job.cell.traffic.rps,
        runs=job.runs,
        promoted=_share(runs, "promoted"),
        rolled_back=_share(runs, "rolled back"),
        paused=_share(runs, "paused"),
        promote_s=_mean_seconds(runs, "promoted"),
        roll_back_s=_mean_seconds(runs, "rolled back"),
        failed=statistics.fmean(each.failed for each in runs),
        excess=statistics.fmean(_excess(job.cell, each) for each in runs),
    )


def _run_once(job: Job, number: int) -> Run:
    random = Random(f"{job.seed}/{job.judge}/{job.cell.name}/{number}")
    judge = JUDGES[job.judge]
    if isinstance(judge, Rule):
        return flagger.release(random, job.cell.traffic, WEIGHTS, judge)
    return releases.release(random, job.cell.traffic, releases.terms_of(judge, WEIGHTS))


def _share(runs: list[Run], ending: str) -> float:
    return sum(each.ending == ending for each in runs) / len(runs)


def _mean_seconds(runs: list[Run], ending: str) -> float | None:
    seconds = [each.seconds for each in runs if each.ending == ending]
    return statistics.fmean(seconds) if seconds else None


def _excess(cell: Cell, each: Run) -> float:
    during = each.failed - each.requests * cell.traffic.primary.errors
    left_s = max(0.0, HORIZON_S - each.seconds) if each.ending == "promoted" else 0.0
    return during + left_s * cell.traffic.rps * cell.excess_share
