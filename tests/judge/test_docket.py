"""A canary that somebody else releases: what is judged, from which window, and what a call comes to."""

from dataclasses import replace

import pytest

from tests.rollout_story import ab_test, analysis, plan
from workflows.clocks import MemoryClock
from workflows.docket import TURN, Docket, Hearing, Ruling
from workflows.errors import FencedError, UnavailableError
from workflows.metrics.memory import MemoryCounter
from workflows.rollout.plan import Judge, RolloutPlan
from workflows.rollout.samples import TrafficCounts
from workflows.rollout.traffic import Arm
from workflows.states.memory import MemoryStateStore

PLAN = plan(analysis(checks=()), judge=Judge.EVIDENCE)
MINUTE_S = 60


class Courtroom:
    """One canary whose weight and faults are set, judged once a minute."""

    def __init__(self, of: RolloutPlan = PLAN) -> None:
        self.clock = MemoryClock()
        self.states = MemoryStateStore(of.key, self.clock)
        self.docket = Docket(lambda _: self.states, self.clock)
        self.counter = MemoryCounter()
        self.plan, self.analysis = of, "v2-1"

    def call(self, weight: int, *, failed: int = 0, requests: int = 6000) -> Ruling:
        self.clock.sleep(replace(analysis(), interval=TURN).interval)
        canary = requests * weight // 100
        self.counter.record(Arm.CANARY, "5xx", requests=min(failed, canary))
        self.counter.record(Arm.CANARY, "2xx", requests=canary - min(failed, canary))
        self.counter.record(Arm.PRIMARY, "2xx", requests=requests - canary)
        return self.docket.rule(Hearing(self.plan, weight, self.analysis), self.counter)


def test_the_first_call_passes_and_begins_a_window() -> None:
    ruling = Courtroom().call(20, failed=1000)

    assert ruling == Ruling(passed=True, condemned=False, reason="evidence: the first window begins")


def test_a_good_canary_passes_every_call() -> None:
    room = Courtroom()

    rulings = [room.call(weight) for weight in (0, 20, 40, 60, 80)]

    assert all(ruling.passed and not ruling.condemned for ruling in rulings)
    assert "5xx: canary 0 of" in rulings[-1].reason


def test_a_bad_canary_fails_and_is_condemned_at_its_first_judged_window() -> None:
    room = Courtroom()
    room.call(0)

    ruling = room.call(20, failed=60)

    assert (ruling.passed, ruling.condemned) == (False, True)
    assert ruling.reason.startswith("evidence failed: 5xx: canary 60 of 1200")


def test_no_request_counts_twice_however_often_is_asked() -> None:
    room = Courtroom()
    room.call(0)
    room.call(20, failed=2)

    before = room.states.load()
    for _ in range(5):
        room.call(20, requests=0)
    after = room.states.load()

    assert before is not None
    assert after is not None
    assert before.case is not None
    assert after.case is not None
    assert after.case.whole.errors == before.case.whole.errors


@pytest.mark.parametrize(("weight", "analysis"), [(10, "v2-1"), (20, "v3-1"), (20, "v2-2")])
def test_another_analysis_begins_another_case(weight: int, analysis: str) -> None:
    room = Courtroom()
    room.call(0)
    room.call(20, failed=600)
    room.analysis = analysis

    assert room.call(weight).passed


def test_another_analysis_keeps_what_was_learned_of_the_primary() -> None:
    room = Courtroom()
    room.call(0)
    room.call(20)
    room.analysis = "v3-2"

    room.call(20, requests=0)

    kept = room.states.load()
    assert kept is not None
    assert kept.case is not None
    assert kept.case.baseline.answers.requests > 0


def test_strict_passes_nothing_that_has_not_shown_that_it_is_well() -> None:
    room = Courtroom(replace(PLAN, judge=Judge.EVIDENCE_STRICT))
    room.call(0, requests=60)

    assert not room.call(20, requests=60).passed


def test_what_is_in_doubt_does_not_pass() -> None:
    room = Courtroom()
    room.call(0)

    ruling = room.call(20, failed=3)

    assert (ruling.passed, ruling.condemned) == (False, False)
    assert ruling.reason.startswith("evidence inconclusive: ")


def test_without_its_premise_nothing_is_judged_and_it_is_said() -> None:
    ruling = Courtroom(replace(ab_test(), judge=Judge.EVIDENCE)).call(20, failed=1000)

    assert ruling.passed
    assert ruling.reason.startswith("not judged by evidence: judging by threshold instead of evidence: an A/B match")


def test_a_canary_judged_by_thresholds_is_not_judged() -> None:
    ruling = Courtroom(replace(PLAN, judge=Judge.THRESHOLD)).call(20)

    assert ruling.reason == "not judged by evidence: the judge of this canary is threshold"


def test_one_call_is_heard_at_a_time() -> None:
    room = Courtroom()
    room.states.acquire("another call", TURN)

    with pytest.raises(FencedError):
        room.docket.rule(Hearing(PLAN, 20, "v2-1"), room.counter)


def test_counters_that_cannot_be_read_leave_the_case_as_it_was() -> None:
    room = Courtroom()
    room.call(0)
    before = room.states.load()

    with pytest.raises(UnavailableError):
        room.docket.rule(Hearing(PLAN, 20, "v2-1"), Away())

    assert room.states.load() == before
    assert room.call(20).passed


class Away:
    """Count nothing, for want of a Prometheus."""

    def read(self) -> TrafficCounts:
        raise UnavailableError("prometheus:9090 does not answer")
