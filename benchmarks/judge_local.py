"""Release the story's bad version on the local platform, by evidence and by Flagger's rule, and compare who was hurt.

Run: .venv/bin/python benchmarks/judge_local.py [--rps 100 1000] [--interval 10] [--json FILE]; about 90 seconds a rate.
Every part is real: Envoy, two processes of each version, users on a schedule. Flagger rolls back at the tick after
the last failed check, threshold 3, so its rule gets one failed check more than ours would need. Exit code 1 when
evidence did not stop the version, or did not hurt fewer users.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path

from workflows import canary, loop, stages, wiring
from workflows.local.platform import LocalPlatform, Start, start
from workflows.local.users import UserTraffic
from workflows.notifiers.memory import MemoryEvents
from workflows.process import owner
from workflows.release import Release
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.state import Cause, RolloutState

EXAMPLE = Path(__file__).parents[1] / "examples" / "ad-service"
RATES = (100, 1000)
INTERVAL_S = 10.0
THRESHOLDS = {Judge.THRESHOLD: 4, Judge.EVIDENCE: 3}
LEARN_S = 5.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """Hold how one release of the bad version went, and how many of the users' requests failed in it."""

    judge: str
    cause: str
    reason: str
    seconds: float
    users: int
    failed: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold both releases at one rate; `ratio` is how many times fewer requests failed by evidence."""

    rps: int
    interval_s: float
    flagger: Stopped
    evidence: Stopped
    ratio: float


def plan_for(judge: Judge, interval_s: float) -> RolloutPlan:
    """Give the story's plan without its hooks, which cost both rules the same."""
    plan = canary.load(EXAMPLE / "canary.yaml")
    analysis = replace(
        plan.analysis, interval=timedelta(seconds=interval_s), threshold=THRESHOLDS[judge], hooks=(), alerts=()
    )
    return replace(plan, analysis=analysis, judge=judge)


def release_bad_version(judge: Judge, rps: int, interval_s: float) -> Stopped:
    """Let v1 serve, release v3, and count what its users met."""
    plan = plan_for(judge, interval_s)
    wanted = Start(EXAMPLE / "deployment-v1.yaml", owned=True)
    with (
        tempfile.TemporaryDirectory(prefix="penstock-judge-") as folder,
        start(Path(folder) / "platform", wanted) as platform,
    ):
        return _perform(platform, plan, rps)


def _perform(platform: LocalPlatform, plan: RolloutPlan, rps: int) -> Stopped:
    wired = wiring.build("local", plan, wiring.Wishes(platform.directory, events=MemoryEvents()))
    release = Release(wired, plan, owner())
    stages.initialise(release)
    with UserTraffic(f"http://{platform.addresses.apex}/ad", rps) as users:
        wired.clock.sleep(timedelta(seconds=LEARN_S))
        platform.apply(EXAMPLE / "deployment-v3.yaml")
        before, began = users.snapshot(), time.monotonic()
        state = loop.run(release)
        lasted = time.monotonic() - began
        wired.clock.sleep(timedelta(seconds=1))
        met = users.snapshot().since(before)
    return _describe(plan, state, lasted, (met.requests, met.failures, met.left_out))


def _describe(plan: RolloutPlan, state: RolloutState, lasted: float, users: tuple[int, int, int]) -> Stopped:
    cause = state.cause.value if state.cause else state.phase.value
    return Stopped(plan.judge.value, cause, state.reason, round(lasted, 1), *users)


def compare(rps: int, interval_s: float) -> Comparison:
    """Release the bad version by each rule in turn, at one rate."""
    evidence = release_bad_version(Judge.EVIDENCE, rps, interval_s)
    flagger = release_bad_version(Judge.THRESHOLD, rps, interval_s)
    return Comparison(rps, interval_s, flagger, evidence, round(flagger.failed / max(1, evidence.failed), 1))


def show(comparison: Comparison) -> None:
    """Print one rate as a row of a table and the reasons below it."""
    one, other = comparison.flagger, comparison.evidence
    print(
        f"| {comparison.rps} | {one.failed} of {one.users} in {one.seconds} s | "
        f"{other.failed} of {other.users} in {other.seconds} s | {comparison.ratio}x |"
    )
    for stopped in (one, other):
        late = f", {stopped.left_out} requests were not sent in time" if stopped.left_out else ""
        print(f"    {stopped.judge}: {stopped.cause}: {stopped.reason}{late}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare at each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rps", type=int, nargs="+", default=list(RATES))
    parser.add_argument("--interval", type=float, default=INTERVAL_S, metavar="SECONDS")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(argv)
    print("| requests/s | Flagger's rule: failed user requests | evidence | fewer |\n| --- | --- | --- | --- |")
    found = []
    for rps in given.rps:
        found.append(compare(rps, given.interval))
        show(found[-1])
    if given.json:
        given.json.write_text(json.dumps({"local": [asdict(each) for each in found]}, indent=1))
    good = all(each.evidence.cause == Cause.EVIDENCE.value and each.ratio > 1 for each in found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
