"""Start a release of a good version at many moments of the past, and see which would have been rolled back."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from workflows.foresight.past import Past, PastCounter
from workflows.foresight.shares import Share
from workflows.foresight.simulation import perform
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.state import Outcome


@dataclass(frozen=True, slots=True)
class Attempt:
    """Carry what would have come of a release that began at a time: the outcome is None where the past ended first."""

    started: float
    outcome: Outcome | None
    seconds: float
    reason: str


def attempt_all(plan: RolloutPlan, past: Past, starts: range, seed: int) -> Iterator[Attempt]:
    """Attempt one release at each start (Unix seconds), by the plan's own judge."""
    for start in starts:
        yield _attempt(plan, past, start, seed)


def _attempt(plan: RolloutPlan, past: Past, start: int, seed: int) -> Attempt:
    random = Random(f"{seed}/{start}")  # noqa: S311 - which request meets the canary is no secret
    performed = perform(plan, lambda clock, router: PastCounter(clock, router, past, start, random))
    outcome = None if performed.counter.exhausted else performed.outcome
    return Attempt(start, outcome, performed.seconds, performed.reason)


def false_alarms(attempts: list[Attempt]) -> Share | None:
    """Tell how many of the releases that came to an end were not promoted; None when none came to an end."""
    ended = [attempt for attempt in attempts if attempt.outcome]
    return Share(sum(attempt.outcome is not Outcome.PROMOTED for attempt in ended), len(ended)) if ended else None
