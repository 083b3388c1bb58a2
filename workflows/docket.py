"""Judge a canary that somebody else releases, one call after another, by what was counted since the last call.

The one rule to keep: each request is counted in one window only, whatever is asked how often; a new revision, a new
analysis and a weight that went down begin a new case, which keeps what was learned of the primary.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from workflows.ports import Clock, StateStore, TrafficCounter
from workflows.rollout import evidence, explanation
from workflows.rollout.case import Case, Look
from workflows.rollout.finding import Finding
from workflows.rollout.plan import RolloutPlan
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.state import RolloutState, Verdict
from workflows.rollout.terms import Mode, Terms
from workflows.rollout.trial import choose_judge, write_terms

TURN = timedelta(seconds=30)
"""How long one call may take before the next one for the same canary is heard."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """Say who is judged: the plan, the canary's weight now, and a mark of the revision and its analysis."""

    plan: RolloutPlan
    weight: int
    analysis: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """Carry what a call came to: whether the canary may go on, whether it should go home, and why."""

    passed: bool
    condemned: bool
    reason: str


class Docket:
    """Keep the cases of many canaries; `open_states` gives where one canary's is kept, by its key."""

    def __init__(self, open_states: Callable[[str], StateStore], clock: Clock) -> None:
        self._open_states = open_states
        self._clock = clock

    def rule(self, hearing: Hearing, counter: TrafficCounter) -> Ruling:
        """Judge what came since the last call.

        Raises TemporaryError when the counters or the case cannot be read, FencedError while another call is heard.
        """
        plan = hearing.plan
        terms = write_terms(plan)
        if terms is None:
            why = choose_judge(plan).reason or "the judge of this canary is threshold"
            return Ruling(passed=True, condemned=False, reason=f"not judged by evidence: {why}")
        states = self._open_states(plan.key)
        lease = states.acquire(uuid.uuid4().hex, TURN)
        try:
            kept, reading = _resume(states.load() or RolloutState(), hearing), counter.read()
            judged, ruling = self._look(terms, kept, reading)
            states.save(replace(judged, weight=hearing.weight, revision=hearing.analysis), lease)
            return ruling
        finally:
            states.release(lease)

    def _look(self, terms: Terms, kept: RolloutState, reading: TrafficCounts) -> tuple[RolloutState, Ruling]:
        counts = reading.remembering(kept.counts) if kept.counts else reading
        if kept.counts is None:
            first = Ruling(passed=True, condemned=False, reason="evidence: the first window begins")
            return replace(kept, counts=counts), first
        at_s = self._clock.now().timestamp()
        look = Look(at_s, kept.weight, reading.since(kept.counts), sticky=kept.route.sticky)
        finding = evidence.observe(terms, kept.case or Case(), look)
        return replace(kept, counts=counts, case=finding.case), _rule(terms, finding)


def _resume(kept: RolloutState, hearing: Hearing) -> RolloutState:
    """Go on with the case, or begin another one; its window is at the weight that is in force now."""
    same = kept.revision == hearing.analysis and hearing.weight >= kept.weight
    if same:
        return replace(kept, weight=hearing.weight)
    return RolloutState(weight=hearing.weight, counts=kept.counts, case=kept.case.reopened() if kept.case else None)


def _rule(terms: Terms, finding: Finding) -> Ruling:
    """Pass what is not in doubt; in strict only what has shown that it is well."""
    doubtful = finding.scores.total >= terms.doubt
    passed = finding.verdict is Verdict.PASSED or (
        finding.verdict is Verdict.INCONCLUSIVE and terms.mode is Mode.NORMAL and not doubtful
    )
    said = f"evidence {finding.verdict.value}: {explanation.explain(terms, finding)}"
    return Ruling(passed, finding.verdict is Verdict.FAILED, said)
